"""An asymmetric loss in XGBoost: too little costs four times as much as too much, as for stocks that run out.

pip install 'fastloss[custom]' xgboost
python examples/custom_loss_xgboost.py
"""

import numpy as np
import xgboost as xgb
from sklearn.datasets import load_diabetes
from sklearn.model_selection import train_test_split

import fastloss as fl
from fastloss.boosting import Objective

x, x_test, y, y_test = train_test_split(*load_diabetes(return_X_y=True), random_state=0)
Shortage = fl.custom_loss("where(r < 0, a * r**2, r**2)", name="Shortage", parameters={"a": (4.0, (1, 100))})
print(fl.check_loss(Shortage(a=4.0)))
for name, loss in (("squared error", fl.squared_error), ("Shortage(a=4)", Shortage(a=4.0))):
    parameters = {"max_depth": 2, "eta": 0.1, "nthread": 2, "base_score": float(np.mean(y))}
    model = xgb.train(parameters, xgb.DMatrix(x, y), 60, obj=Objective(loss))
    p = model.predict(xgb.DMatrix(x_test))
    print(f"{name:14}  too little: {np.mean(p < y_test):4.0%}  cost: {Shortage(a=4.0)(y_test, p):7.1f}")
