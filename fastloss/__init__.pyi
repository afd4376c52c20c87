"""Written by tools/stubs.py."""

from . import metrics
from ._config import config, show_config
from ._include import get_include
from ._threads import get_num_threads, num_threads, set_num_threads
from .custom.check import check_loss
from .custom.loss import CustomLoss, custom_loss
from .errors import InputError, NotDifferentiableError
from .evaluation import Evaluation, evaluate
from .linear import linear_objective
from .loss import Loss
from .losses.binary import (
    BinaryCrossEntropy,
    BinaryFocal,
    Brier,
    Exponential,
    Hamming,
    Hinge,
    ModifiedHuber,
    SmoothedHinge,
    SoftMargin,
    SquaredHinge,
    ZeroOne,
)
from .losses.composite import WeightedSum
from .losses.distribution import GaussianCrossEntropy, GaussianKL, JensenShannon, KLDivergence
from .losses.embedding import (
    Contrastive,
    CosineEmbedding,
    CosineSimilarity,
    InfoNCE,
    LinearCrossEntropy,
    NTXent,
    SupervisedContrastive,
    TripletMargin,
)
from .losses.generative import VAE, GANDiscriminator, GANGenerator, GradientPenalty, GramStyle, Perceptual
from .losses.multiclass import (
    CategoricalCrossEntropy,
    CategoricalFocal,
    CategoricalHinge,
    GeneralizedCrossEntropy,
    MultiLabelMargin,
    MultiLabelSoftMargin,
    MultiMargin,
    PolyCrossEntropy,
    SparseCategoricalCrossEntropy,
)
from .losses.penalty import ElasticNet, L1L2Penalty, L1Penalty, L2Penalty
from .losses.ranking import LambdaRank, ListMLE, ListNet, MarginRanking, PairwiseLogistic, RankNet
from .losses.regression import (
    AbsoluteError,
    AbsolutePercentageError,
    Cauchy,
    Expectile,
    Fair,
    Gamma,
    GaussianNLL,
    HalfSquaredError,
    Huber,
    LogCosh,
    LpError,
    Poisson,
    PseudoHuber,
    Quantile,
    RootMeanSquaredError,
    SmoothL1,
    SquaredError,
    SquaredLogError,
    SymmetricAbsolutePercentageError,
    Tukey,
    Tweedie,
    Welsch,
)
from .losses.segmentation import BoxIoU, Dice, FocalTversky, Jaccard, Lovasz, LovaszSoftmax, Tversky
from .losses.sequence import CTC
from .multi_task import MultiTask
from .penalties import PenalizedLoss, Penalty
from .registry import get_loss, list_losses

__version__: str

absolute_error: AbsoluteError
absolute_percentage_error: AbsolutePercentageError
binary_cross_entropy: BinaryCrossEntropy
binary_focal: BinaryFocal
box_iou: BoxIoU
brier: Brier
categorical_cross_entropy: CategoricalCrossEntropy
categorical_focal: CategoricalFocal
categorical_hinge: CategoricalHinge
cauchy: Cauchy
contrastive: Contrastive
cosine_embedding: CosineEmbedding
cosine_similarity: CosineSimilarity
ctc: CTC
dice: Dice
elastic_net: ElasticNet
expectile: Expectile
exponential: Exponential
fair: Fair
focal_tversky: FocalTversky
gamma: Gamma
gan_discriminator: GANDiscriminator
gan_generator: GANGenerator
gaussian_cross_entropy: GaussianCrossEntropy
gaussian_kl: GaussianKL
gaussian_nll: GaussianNLL
generalized_cross_entropy: GeneralizedCrossEntropy
gradient_penalty: GradientPenalty
gram_style: GramStyle
half_squared_error: HalfSquaredError
hamming: Hamming
hinge: Hinge
huber: Huber
info_nce: InfoNCE
jaccard: Jaccard
jensen_shannon: JensenShannon
kl_divergence: KLDivergence
l1_l2_penalty: L1L2Penalty
l1_penalty: L1Penalty
l2_penalty: L2Penalty
lambda_rank: LambdaRank
linear_cross_entropy: LinearCrossEntropy
list_mle: ListMLE
list_net: ListNet
log_cosh: LogCosh
lovasz: Lovasz
lovasz_softmax: LovaszSoftmax
lp_error: LpError
margin_ranking: MarginRanking
modified_huber: ModifiedHuber
multi_label_margin: MultiLabelMargin
multi_label_soft_margin: MultiLabelSoftMargin
multi_margin: MultiMargin
nt_xent: NTXent
pairwise_logistic: PairwiseLogistic
perceptual: Perceptual
poisson: Poisson
poly_cross_entropy: PolyCrossEntropy
pseudo_huber: PseudoHuber
quantile: Quantile
rank_net: RankNet
root_mean_squared_error: RootMeanSquaredError
smooth_l1: SmoothL1
smoothed_hinge: SmoothedHinge
soft_margin: SoftMargin
sparse_categorical_cross_entropy: SparseCategoricalCrossEntropy
squared_error: SquaredError
squared_hinge: SquaredHinge
squared_log_error: SquaredLogError
supervised_contrastive: SupervisedContrastive
symmetric_absolute_percentage_error: SymmetricAbsolutePercentageError
triplet_margin: TripletMargin
tukey: Tukey
tversky: Tversky
tweedie: Tweedie
vae: VAE
welsch: Welsch
zero_one: ZeroOne
mse: SquaredError
mae: AbsoluteError
rmse: RootMeanSquaredError

__all__ = [
    "CTC",
    "VAE",
    "AbsoluteError",
    "AbsolutePercentageError",
    "BinaryCrossEntropy",
    "BinaryFocal",
    "BoxIoU",
    "Brier",
    "CategoricalCrossEntropy",
    "CategoricalFocal",
    "CategoricalHinge",
    "Cauchy",
    "Contrastive",
    "CosineEmbedding",
    "CosineSimilarity",
    "CustomLoss",
    "Dice",
    "ElasticNet",
    "Evaluation",
    "Expectile",
    "Exponential",
    "Fair",
    "FocalTversky",
    "GANDiscriminator",
    "GANGenerator",
    "Gamma",
    "GaussianCrossEntropy",
    "GaussianKL",
    "GaussianNLL",
    "GeneralizedCrossEntropy",
    "GradientPenalty",
    "GramStyle",
    "HalfSquaredError",
    "Hamming",
    "Hinge",
    "Huber",
    "InfoNCE",
    "InputError",
    "Jaccard",
    "JensenShannon",
    "KLDivergence",
    "L1L2Penalty",
    "L1Penalty",
    "L2Penalty",
    "LambdaRank",
    "LinearCrossEntropy",
    "ListMLE",
    "ListNet",
    "LogCosh",
    "Loss",
    "Lovasz",
    "LovaszSoftmax",
    "LpError",
    "MarginRanking",
    "ModifiedHuber",
    "MultiLabelMargin",
    "MultiLabelSoftMargin",
    "MultiMargin",
    "MultiTask",
    "NTXent",
    "NotDifferentiableError",
    "PairwiseLogistic",
    "PenalizedLoss",
    "Penalty",
    "Perceptual",
    "Poisson",
    "PolyCrossEntropy",
    "PseudoHuber",
    "Quantile",
    "RankNet",
    "RootMeanSquaredError",
    "SmoothL1",
    "SmoothedHinge",
    "SoftMargin",
    "SparseCategoricalCrossEntropy",
    "SquaredError",
    "SquaredHinge",
    "SquaredLogError",
    "SupervisedContrastive",
    "SymmetricAbsolutePercentageError",
    "TripletMargin",
    "Tukey",
    "Tversky",
    "Tweedie",
    "WeightedSum",
    "Welsch",
    "ZeroOne",
    "absolute_error",
    "absolute_percentage_error",
    "binary_cross_entropy",
    "binary_focal",
    "box_iou",
    "brier",
    "categorical_cross_entropy",
    "categorical_focal",
    "categorical_hinge",
    "cauchy",
    "check_loss",
    "config",
    "contrastive",
    "cosine_embedding",
    "cosine_similarity",
    "ctc",
    "custom_loss",
    "dice",
    "elastic_net",
    "evaluate",
    "expectile",
    "exponential",
    "fair",
    "focal_tversky",
    "gamma",
    "gan_discriminator",
    "gan_generator",
    "gaussian_cross_entropy",
    "gaussian_kl",
    "gaussian_nll",
    "generalized_cross_entropy",
    "get_include",
    "get_loss",
    "get_num_threads",
    "gradient_penalty",
    "gram_style",
    "half_squared_error",
    "hamming",
    "hinge",
    "huber",
    "info_nce",
    "jaccard",
    "jensen_shannon",
    "kl_divergence",
    "l1_l2_penalty",
    "l1_penalty",
    "l2_penalty",
    "lambda_rank",
    "linear_cross_entropy",
    "linear_objective",
    "list_losses",
    "list_mle",
    "list_net",
    "log_cosh",
    "lovasz",
    "lovasz_softmax",
    "lp_error",
    "mae",
    "margin_ranking",
    "metrics",
    "modified_huber",
    "mse",
    "multi_label_margin",
    "multi_label_soft_margin",
    "multi_margin",
    "nt_xent",
    "num_threads",
    "pairwise_logistic",
    "perceptual",
    "poisson",
    "poly_cross_entropy",
    "pseudo_huber",
    "quantile",
    "rank_net",
    "rmse",
    "root_mean_squared_error",
    "set_num_threads",
    "show_config",
    "smooth_l1",
    "smoothed_hinge",
    "soft_margin",
    "sparse_categorical_cross_entropy",
    "squared_error",
    "squared_hinge",
    "squared_log_error",
    "supervised_contrastive",
    "symmetric_absolute_percentage_error",
    "triplet_margin",
    "tukey",
    "tversky",
    "tweedie",
    "vae",
    "welsch",
    "zero_one",
]
