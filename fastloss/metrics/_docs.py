"""What the docstrings of several metrics say of a parameter: ``$name`` stands for it there."""

PARAMETERS = {
    # numbers
    "numbers": """\
y_true, y_pred : array_like of shape (n_samples,) or (n_samples, n_outputs)
    True and predicted numbers, finite.""",
    "numbers_of_logs": """\
y_true, y_pred : array_like of shape (n_samples,) or (n_samples, n_outputs)
    True and predicted numbers, above -1.""",
    "numbers_and_means": """\
y_true, y_pred : array_like of shape (n_samples,)
    True numbers and predicted means, in the domain of the power.""",
    "multioutput_of_errors": """\
multioutput : {"raw_values", "uniform_average"} or array_like of shape (n_outputs,), default="uniform_average"
    One error for each output, their mean, or their mean with these weights.""",
    "multioutput_of_scores": """\
multioutput : {"raw_values", "uniform_average"} or array_like of shape (n_outputs,), default="uniform_average"
    One score for each output, their mean, or their mean with these weights.""",
    "alpha": """\
alpha : float, default=0.5
    The quantile, in [0, 1].""",
    # labels
    "one_label": """\
y_true, y_pred : array_like of shape (n_samples,)
    True and predicted labels.""",
    "one_or_several_labels": """\
y_true, y_pred : array_like of shape (n_samples,), or indicators of shape (n_samples, n_labels)
    True and predicted labels.""",
    "labels_that_count": """\
labels : array_like, default=None
    The labels that count; all that occur if None.""",
    "pos_label_of_average": """\
pos_label : number, str or bool, default=1
    The label whose score ``average="binary"`` returns.""",
    "average": """\
average : {"micro", "macro", "samples", "weighted", "binary"} or None, default="binary"
    How the scores of the labels are averaged; None gives all of them.""",
    "zero_division": """\
zero_division : {"warn", 0.0, 1.0, nan}, default="warn"
    What 0/0 is: 0 with a warning, or a number. NaN is left out of averages.""",
    # labels and probabilities or scores
    "y_true": """\
y_true : array_like of shape (n_samples,)
    Labels.""",
    "y_true_of_log_loss": """\
y_true : array_like of shape (n_samples,)
    Labels, of two classes at least.""",
    "y_proba_of_brier_score": """\
y_proba : array_like of shape (n_samples,) or (n_samples, n_classes)
    Probabilities of the positive class, or of all classes in the order of the labels.""",
    "former_y_pred": """\
y_pred : array_like
    The former name of ``y_proba``.""",
    "labels_there_could_be": """\
labels : array_like, default=None
    All labels there could be; those of ``y_true`` if None.""",
    "labels_of_brier_score": """\
labels : array_like, default=None
    All labels there could be, for probabilities of all classes; those of ``y_true`` if None.""",
    "pos_label_of_brier_score": """\
pos_label : number, str or bool, default=None
    The positive one of two labels; 1, or the larger number, if None.""",
    # rankings
    "rankings": """\
y_true, y_score : array_like of shape (n_samples, n_items)
    What the items of each ranking gain, and their scores.""",
    "ranks": """\
k : int, default=None
    How many ranks count; None: all.""",
    "ignore_ties": """\
ignore_ties : bool, default=False
    Whether scores may be taken for different ones, which is faster; else items of one score gain the mean of theirs.""",
    # samples
    "normalize": """\
normalize : bool, default=True
    Whether to divide by the number of samples, or their weight.""",
    "sample_weight": """\
sample_weight : array_like of shape (n_samples,), default=None
    What each sample counts for.""",
}
