"""The words of the course: what they mean, their symbols, their names elsewhere, where they are taught."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from urllib.parse import quote


@dataclass(frozen=True, slots=True)
class Term:
    """One word.

    Attributes
    ----------
    name, meaning : str
        The meaning in one or two sentences, without markup.
    symbol : str
        LaTeX, or nothing.
    elsewhere : dict of str to str
        What others call it: R (lme4), Stata, SPSS/HLM, econometrics.
    taught : tuple of str
        Lessons whose page uses the word, by slug, in the order of the course.
    also : tuple of str
        Other words for it, by which it can be found and linked.
    """

    name: str
    meaning: str
    symbol: str = ""
    elsewhere: dict[str, str] = field(default_factory=dict)
    taught: tuple[str, ...] = ()
    also: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Every way to call it: its name, what stands in brackets there, its other words."""
        plain, _, short = self.name.partition(" (")
        return tuple(dict.fromkeys((self.name, plain, *filter(None, [short[:-1]]), *self.also)))


LME4, STATA, HLM, ECON = "R (lme4)", "Stata", "SPSS, HLM", "econometrics"


def _names(lme4: str = "", stata: str = "", hlm: str = "", econ: str = "") -> dict[str, str]:
    pairs = {LME4: lme4, STATA: stata, HLM: hlm, ECON: econ}
    return {who: what for who, what in pairs.items() if what}


TERMS = (
    Term("Between slope",
         "How the schools' mean outcomes change with their mean x. It can differ from the within slope, even in sign.",
         "", _names(stata="the slope of `xtreg, be`", econ="between estimator"), ("two_level_predictors",)),
    Term("Bias",
         "How far an estimate is from the truth on average over many draws. An estimate can have a bias and still be "
         "nearer to the truth, because it swings less.",
         "E(\\hat\\alpha_j) - \\alpha_j", {}, ("no_pooling", "partial_pooling"), ("biased", "unbiased")),
    Term("BLUP",
         "Best linear unbiased prediction: in books on mixed models, the partial-pooling estimate of a school's error. "
         "Best means: the smallest mean squared error among such rules, if the SDs are known. Unbiased "
         "means: over all schools together, not for one given school.",
         "\\hat\\eta_j", _names("`ranef()`", "`predict, reffects`", "empirical Bayes residual"), ("fixed_and_random",),
         ("best linear unbiased prediction",)),
    Term("Centring",
         "Counting x from another zero, most often its mean. The lines stay where they are; the intercepts change, since "
         "an intercept is the height of a line at x = 0, and where slopes vary their SD and correlation change too. "
         "Counting x from each school's own mean is another model, unless the means come back in as a predictor.",
         "x_i - \\bar x", _names(hlm="grand-mean or group-mean centring", econ="demeaning; by group, the within transformation"),
         ("varying_slopes",), ("centred", "centered", "centering")),
    Term("Cluster-robust standard error",
         "A standard error of the ordinary regression that allows students of one school to be alike. "
         "With few schools it is too small on average.",
         "", _names("`sandwich::vcovCL` on `lm`", "`vce(cluster school)`", econ="clustered standard errors"),
         ("complete_pooling", "structured_data"), ("cluster-robust", "robust standard error")),
    Term("Common mean",
         "The mean of the schools' intercepts (with a u, where u = 0): the middle of all schools. It is not the mean of all students, in "
         "which large schools count more.",
         "a_0", _names("`(Intercept)` of `fixef()`", "`_cons`", "γ₀₀"), ("partial_pooling",), ("grand mean",)),
    Term("Complete pooling",
         "One regression for all students, as if there were no schools: the multilevel model with an SD between schools of 0.",
         "\\sigma_\\alpha = 0", _names("`lm(y ~ x)`", "`regress y x`", "REGRESSION", "pooled OLS"),
         ("complete_pooling", "partial_pooling", "prediction")),
    Term("Conditional mode",
         "What partial pooling adds to the school-level model for one school, when the SDs are taken as known. "
         "In a linear model it is also the conditional mean.",
         "\\hat\\eta_j", _names("`ranef()`", "`predict, reffects`", "empirical Bayes residual", "predicted random effect"),
         ("fixed_and_random",)),
    Term("Confidence interval",
         "The values of the truth that the data do not speak against. A 95% interval is made by a rule that, in the long "
         "run, holds the truth in about 95 of 100 data sets.",
         "\\text{estimate} \\pm 2\\,\\text{SE, roughly}", _names("`confint()`"), ("efficient_inference",),
         ("95% interval", "interval")),
    Term("Contextual effect",
         "By how much scores differ between schools whose mean of x differs, at the same own x: the between slope minus the within slope.",
         "b_{\\text{between}} - b_{\\text{within}}", _names(hlm="contextual or compositional effect", econ="Mundlak term"),
         ("two_level_predictors",)),
    Term("Correlation of intercepts and slopes",
         "Whether schools with high intercepts have steep slopes. It depends on where x is zero.",
         "\\rho", _names("Corr in `VarCorr()`", "`corr(x, _cons)` with `cov(unstructured)`", "τ₀₁ as a correlation"),
         ("varying_slopes",), ("correlation", "rho")),
    Term("Coverage",
         "The share of repeated data sets whose interval holds the truth. A 95% interval should have 95%.",
         "", {}, ("efficient_inference",)),
    Term("Cross-level interaction",
         "When another slope of a predictor of students goes with another value of a predictor of schools: the pre-test counts for more where "
         "the town spends more. It is the product of x and u in the regression.",
         "b_1\\, u_j\\, x_i", _names("`x:u`", "`c.x#c.u`", "γ₁₁"), ("varying_slopes",), ("effect of u on the slope",)),
    Term("Crossed",
         "Two groupings of which neither lies inside the other: students of one neighbourhood go to several schools "
         "and the other way round. A fact of the data.",
         "", _names("`(1 | school) + (1 | neighbourhood)`", "`|| _all: R.school || neighbourhood:`",
                    "cross-classified model (HLM: HCM2)", "two-way effects"), ("nested_and_crossed",),
         ("partially crossed", "fully crossed", "cross-classified")),
    Term("Density",
         "A curve that says how probable values are: the area under it between two values is the probability of lying "
         "between them. The area under all of it is 1.",
         "p(\\tau)", {}, ("how_sure_about_tau",), ("probability density",)),
    Term("Design effect",
         "How many times larger the variance of an estimate is because students come in schools. The formula is for "
         "something that is the same for all students of a school, with n students in each.",
         "1 + (n - 1)\\,\\text{ICC}", _names(stata="DEFF (`estat effects`)", econ="its square root is the Moulton factor"),
         ("structured_data",), ("moulton factor",)),
    Term("Deviance",
         "Minus twice the logarithm of the likelihood: the smaller, the better the fit. With REML, of the restricted likelihood: those compare "
         "only models with the same predictors.",
         "-2\\log L", _names("`deviance()`, `REMLcrit()`", "−2 × log likelihood", "−2 (Restricted) Log Likelihood"),
         ("varying_slopes",), ("log likelihood",)),
    Term("Effect that varies",
         "A treatment effect with a value for each school: a varying slope of the treatment. The model gives its mean and its spread.",
         "\\beta_j", _names("`(1 + treated | school)`", "`|| school: treated, cov(un)`", "randomly varying slope", "heterogeneous treatment effect"),
         ("treatment_effects",), ("varying effect", "treatment effect", "treatment effects")),
    Term("Empirical Bayes",
         "Estimating the hyperparameters from the data, and then the schools as if those estimates were true. "
         "A full Bayesian analysis averages over the hyperparameters instead.",
         "", _names(hlm="EB estimates (HLM's level-2 residual file)"), ("fixed_and_random", "how_sure_about_tau"),
         ("empirical Bayes estimate",)),
    Term("Fixed effect",
         "A word with at least five meanings (Gelman 2005): constant over schools; interesting in itself; all of a population; "
         "not random; estimated by least squares. In econometrics, an intercept for each school without a model for it. "
         "Say instead whether a coefficient varies and whether it is modelled.",
         "", _names("`fixef()`: the coefficients that do not vary", "the equation before `||`", "Fixed Effects; HLM's γ",
                    "no pooling: `xtreg, fe`"), ("fixed_and_random",), ("fixed",)),
    Term("Funnel plot",
         "Estimates against the number of students. Without any true differences small schools spread widely and "
         "large ones little.",
         "\\pm 2\\,\\sigma_y / \\sqrt{n_j}", {}, ("small_groups",), ("funnel",)),
    Term("Group (school)",
         "What students belong to. In your data perhaps a hospital, a firm, a county or a person measured again and again.",
         "j", _names("grouping factor", "level, panel variable", "level-2 unit; SPSS: SUBJECT", "cluster, panel unit"),
         ("what_is_multilevel",)),
    Term("Grouping",
         "A column that says which group each student belongs to: school, class, neighbourhood. Data can have several.",
         "j[i],\\ k[i]", _names("grouping factor"), ("nested_and_crossed",), ("grouping factor", "factor")),
    Term("Hierarchical",
         "Said of data that are nested, and of models in layers. Multilevel is the wider word: its groups need not be nested.",
         "", _names(hlm="hierarchical linear model"), ("nested_and_crossed",)),
    Term("Hyperparameter",
         "A parameter of the model for the coefficients: their mean, their spread. The schools' coefficients are "
         "parameters; what they come from are hyperparameters.",
         "a_0, b_0, a_1, b_1, \\sigma_\\alpha, \\sigma_\\beta, \\rho",
         _names("fixed effects and `VarCorr()`", "coefficients and random-effects parameters", "γ and τ"),
         ("what_is_multilevel", "how_sure_about_tau")),
    Term("Incidence matrix",
         "A table with a row for each level of one grouping and a column for each level of the other. A cell holds the "
         "number of students in both; an empty cell has none.",
         "", _names("`table(school, neighbourhood)`", "`tabulate school neighbourhood`", "CROSSTABS"), ("nested_and_crossed",)),
    Term("Indicator variable",
         "A variable that is 1 for the students of one school and 0 for all others. A regression with one for each school is no pooling.",
         "", _names("`factor(school)` in `lm`", "`i.school`", "dummy variable", "dummy variable; LSDV"),
         ("no_pooling", "what_is_multilevel", "fixed_and_random"), ("indicator", "dummy variable")),
    Term("Intraclass correlation (ICC)",
         "The share of the variance that lies between schools, of what the predictors leave over. It is also the correlation of "
         "two students of one school.",
         "\\dfrac{\\sigma_\\alpha^2}{\\sigma_\\alpha^2 + \\sigma_y^2}",
         _names("from `VarCorr()`", "`estat icc`", "ICC", "rho (of `xtreg`)"), ("complete_pooling", "structured_data"),
         ("variance partition coefficient",)),
    Term("Least squares",
         "Choosing the line for which the squared vertical distances of the students add up to the least.",
         "\\min \\textstyle\\sum_i (y_i - \\hat y_i)^2", _names("`lm`", "`regress`", "REGRESSION", "OLS"), ("fixed_and_random",),
         ("ordinary least squares", "OLS")),
    Term("Leaving schools out",
         "Judging predictions on schools, or on students, that the fit has not seen. The two answer different questions.",
         "", _names(econ="out-of-sample error"), ("prediction",), ("leave whole schools out", "held out", "held-out error")),
    Term("Likelihood",
         "How well a value of a parameter fits: how probable it makes the data that we saw. The data choose the value "
         "at the top. It is not the probability of the value.",
         "L(\\sigma_\\alpha) = p(y \\mid \\sigma_\\alpha)", _names("`logLik()`"), ("partial_pooling", "efficient_inference")),
    Term("Maximum likelihood (ML)",
         "Choosing the values of the parameters under which the data are most probable. For an SD between few schools "
         "the value is too small on average. REML mends most of that for the variance; its SD is still a little too small.",
         "", _names("`REML = FALSE`", "the default of `mixed`", "METHOD=ML"), ("efficient_inference",)),
    Term("Mean intercept and mean slope",
         "Where u = 0, the middle of the schools' intercepts (their heights at x = 0) and of their slopes.",
         "a_0,\\ a_1", _names("`(Intercept)` and `x` of `fixef()`", "`_cons` and `x`", "γ₀₀ and γ₁₀", "population-average coefficients"),
         ("varying_slopes", "fixed_and_random"), ("mean intercept", "mean slope")),
    Term("Mean squared error",
         "The average of the squared distances between estimates and truth. Its root is in points, the root mean square error.",
         "\\text{MSE} = \\text{bias}^2 + \\text{variance}", _names(econ="MSE, RMSE"), ("partial_pooling", "varying_intercepts", "efficient_inference"),
         ("root mean square", "root mean square error", "RMSE", "MSE")),
    Term("Mixed model",
         "A linear model with both kinds of coefficients, those without and those with a distribution. Another notation for the same model.",
         "y = X\\beta + Zb + \\epsilon", _names("`lmer`", "`mixed`", "MIXED", "random-coefficients model"), ("fixed_and_random",)),
    Term("Multilevel regression",
         "A regression whose coefficients have a model of their own. Two parts: coefficients that vary, and a model for them.",
         "", _names("linear mixed-effects model", "`mixed`", "hierarchical linear model", "random-effects model"),
         ("what_is_multilevel",), ("multilevel", "multilevel model")),
    Term("Mundlak's device",
         "Adding the school's mean of x as a school-level predictor. The slope of x is then the within slope, as in no pooling.",
         "\\bar x_j", _names(stata="`xtreg, re` with means; `xthybrid`", hlm="group means at level 2", econ="correlated random effects"),
         ("two_level_predictors",), ("Mundlak",)),
    Term("Nested",
         "Each group of one grouping lies inside one group of the other: every school in one district. A fact of the data; "
         "labels used again in each district hide it.",
         "", _names("`(1 | district/school)`, if labels are used again", "`|| district: || school:`", "level 3, level 2"),
         ("nested_and_crossed",)),
    Term("No pooling",
         "Every school by itself, the SD between schools taken as infinite. Either an intercept for each school with one "
         "slope, or a regression for each school: textbooks use the word for both.",
         "\\sigma_\\alpha = \\infty", _names("`lm(y ~ x + factor(school))`, `lmList`", "`areg`, `xtreg, fe`", "dummy variables",
                                             "fixed effects, within estimator"), ("no_pooling", "partial_pooling", "prediction")),
    Term("Normal distribution",
         "The bell curve. Two thirds of its values lie within one SD of its mean, 95% within two.",
         "N(a_0, \\sigma_\\alpha^2)", {}, ("fixed_and_random", "your_data"), ("normal", "bell curve")),
    Term("p-value",
         "How often pure luck would give a result at least as far from 0 as this one. Below .05 many call it significant; "
         "where nothing is going on that should happen in 5 of 100 trials.",
         "p", _names("`lmerTest`", "P>|z|", "Sig."), ("structured_data",), ("false alarm", "significant")),
    Term("Parameter",
         "A number of the model that the data do not show and that has to be estimated.",
         "", {}, ("what_is_multilevel",)),
    Term("Partial pooling",
         "A weighted average of the school's own estimate and what the school-level model says, of the whole line where slopes "
         "vary. The weights come from how well each is known.",
         "\\hat\\alpha_j", _names("`coef()`", "`predict, fitted`", "empirical Bayes estimate", "BLUP of the random-effects model"),
         ("partial_pooling", "small_groups", "varying_slopes"), ("pooling",)),
    Term("Pooling weight",
         "How much a school's own mean counts in its estimate, from 0 to 1: more with more students, and with schools that differ more.",
         "w_j = \\dfrac{\\sigma_\\alpha^2}{\\sigma_\\alpha^2 + \\sigma_y^2/n_j}", _names(hlm="reliability λⱼ"), ("partial_pooling",),
         ("reliability", "weight")),
    Term("Posterior distribution",
         "What is known of a parameter after the data: prior times likelihood, scaled to area 1.",
         "p(\\tau \\mid y)", {}, ("how_sure_about_tau",), ("posterior", "posterior density", "posterior mean")),
    Term("Predictive distribution",
         "What the next student may score. It is wider for a school we know little of, and widest for a new school.",
         "p(\\tilde y \\mid y)",
         _names("`simulate()`; `predict()` gives its middle only, with `re.form = NA` for a new school",
                "`predict, fitted` gives its middle only"), ("prediction",), ("prediction interval",)),
    Term("Prior distribution",
         "What is assumed of a parameter before the data. With few schools the prior on tau matters; with many it hardly does.",
         "p(\\tau)", {}, ("how_sure_about_tau",), ("prior", "prior density", "flat prior", "half-normal", "half-Cauchy")),
    Term("Profile likelihood",
         "The likelihood of one parameter, each time with the best setting of all others. Its interval holds the values "
         "that fit nearly as well as the best one. It need not be symmetric, which suits an SD.",
         "", _names("`profile()`, `confint(method = \"profile\")`"), ("your_data",), ("profile likelihood interval", "profile")),
    Term("Random assignment",
         "Letting chance decide who gets the treatment. The two groups then differ by luck only, and by what the treatment does.",
         "", {}, ("treatment_effects",), ("randomised", "randomized", "chosen at random")),
    Term("Random effect",
         "A coefficient that has a distribution: here, a school's error. Others mean by it a sample of many groups, or an "
         "interest in all groups: see “Fixed effect”.",
         "\\eta_j", _names("`ranef()`; b in Zb", "random effect, BLUP", "u₀ⱼ, u₁ⱼ", "individual effect, uncorrelated with x"),
         ("fixed_and_random",), ("random",)),
    Term("Recycled labels",
         "The same label for different groups, as class 7A in two schools. Taken at its word, it joins what is apart.",
         "", _names("write `district:school`"), ("nested_and_crossed",), ("recycled label", "names used again")),
    Term("Rank agreement",
         "How well two orders of the same schools agree: 1 if they are the same, 0 on average if one says nothing of the other. "
         "It is the correlation of the ranks (Spearman).",
         "\\rho_s", _names("`cor(method = \"spearman\")`", "`spearman`", "Spearman's rho"), ("small_groups",),
         ("rank correlation",)),
    Term("Regression to the mean",
         "What was far out this year is, on average, less far out next year, though nobody did anything. The part of a "
         "distance that was luck does not come again.",
         "", {}, ("next_year",)),
    Term("REML (restricted maximum likelihood)",
         "A way to estimate SDs that allows for the mean coefficients being estimated, too. Maximum likelihood does not, "
         "and with few schools its SDs are too small on average.",
         "", _names("the default", "`reml`", "the default", "ML; or GLS with moment estimates (`xtreg, re`)"),
         ("efficient_inference", "how_sure_about_tau"), ("REML", "REML and ML")),
    Term("Replication",
         "Simulating the same scenario again with other draws, and fitting again: thousands of worlds show how an estimator behaves.",
         "", _names("`simulate()`, `refit()`", "`simulate:`", econ="Monte Carlo"), ("efficient_inference", "one_regression_or_two"),
         ("simulated world", "world", "redraw", "simulation")),
    Term("Residual",
         "What is left of a student's score when the line is taken away: how far the student lies above or below it.",
         "y_i - \\hat y_i", _names("`resid()`", "`predict, residuals`"), ("complete_pooling",)),
    Term("Sampling error",
         "How far an estimate is from the truth only because of which students happened to be there. The luck of the draw. "
         "Its typical size is the standard error.",
         "\\hat\\alpha_j - \\alpha_j", {}, ("one_regression_or_two",), ("sampling noise", "noise", "luck")),
    Term("School-level error",
         "What the school-level model leaves unexplained of a school's intercept or slope.",
         "\\eta_j,\\ \\eta_{j1},\\ \\eta_{j2}", _names("random effects b", "random effects", "u₀ⱼ, u₁ⱼ", "αᵢ or cᵢ"), ("varying_intercepts", "varying_slopes"),
         ("school's error",)),
    Term("School-level model",
         "The regression whose data points are schools: it says where a school's coefficient comes from, and how far it may lie from there.",
         "\\alpha_j \\sim N(a_0 + b_0 u_j,\\ \\sigma_\\alpha^2)", _names(hlm="level-2 model"), ("what_is_multilevel",),
         ("group-level model", "school-level regression")),
    Term("School-level predictor",
         "A predictor with one value a school, here u: what the town spends on a student of the school. It moves what schools are pulled to.",
         "u_j,\\ b_0,\\ b_1", _names("`u`", "`u`", "level-2 predictor W; γ₀₁", "time-invariant regressor"),
         ("varying_intercepts",), ("group-level predictor",)),
    Term("SD between schools",
         "How much schools' intercepts differ beyond what u explains. Small: schools are much alike, and are pulled far.",
         "\\sigma_\\alpha", _names("Std.Dev. of `(Intercept)`", "`sd(_cons)`; `var(_cons)` is its square", "√τ₀₀", "sigma_u"),
         ("partial_pooling", "varying_intercepts")),
    Term("SD of slopes",
         "How much schools' slopes differ beyond what u explains.",
         "\\sigma_\\beta", _names("Std.Dev. of `x`", "`sd(x)`; `var(x)` is its square", "√τ₁₁"), ("varying_slopes",)),
    Term("SD within schools",
         "How much students of one school differ, given x.",
         "\\sigma_y", _names("Residual; `sigma()`", "`sd(Residual)`", "√σ²", "sigma_e"), ("partial_pooling", "small_groups")),
    Term("Shrinkage",
         "How far a school's estimate is pulled from its own data: more, the fewer students it has and the more alike schools are.",
         "1 - w_j", _names(hlm="one minus the reliability λⱼ"), ("fixed_and_random",),
         ("shrink", "shrunken")),
    Term("Simpson's paradox",
         "Every school's slope goes up, and the slope of all students together goes down, or the other way round.",
         "", {}, ("complete_pooling", "two_level_predictors"), ("Simpson",)),
    Term("Singular fit",
         "An SD estimated as exactly 0, or a correlation as exactly 1 or −1. A result, not an error: the best fit lies at the edge "
         "of what is possible. The interval says which other values fit nearly as well.",
         "", _names("`isSingular()`", "an SD near 0 without standard error", "“covariance parameter is redundant”"),
         ("varying_slopes",), ("singular",)),
    Term("Slash notation",
         "Short for two groupings at once: school / class means schools, and classes within schools. The inner group "
         "gets a name that holds both labels.",
         "", _names("`(1 | a/b)` is `(1 | a) + (1 | a:b)`", "`|| a: || b:`"), ("nested_and_crossed",), ("slash",)),
    Term("Standard deviation (SD)",
         "How far values lie from their mean, typically: in a bell curve two thirds of them lie within one SD of it.",
         "\\sigma", {}, ("complete_pooling", "no_pooling", "partial_pooling"), ("SDs",)),
    Term("Standard error",
         "How far an estimate would typically be from the truth by the luck of the draw: the SD of the estimate over many data sets.",
         "\\text{SE} = \\sigma_y / \\sqrt{n_j}\\ \\text{for a mean}", _names("Std. Error", "Std. err."),
         ("complete_pooling", "no_pooling", "one_regression_or_two", "how_sure_about_tau")),
    Term("Standardised",
         "Counted in SDs from the mean: 0 is the mean, 1 is one SD above it.",
         "(x_i - \\bar x) / s_x", _names("`scale()`", "`egen std()`", "z-score"), ("varying_intercepts", "varying_slopes", "structured_data"), ("standardized", "z-score", "in SDs")),
    Term("Student",
         "One row of the table: what is measured within a group. In your data perhaps a patient, a worker or an occasion.",
         "i", _names("observation", "level 1", "level-1 unit", "observation"), ("what_is_multilevel",)),
    Term("t distribution",
         "A bell curve with heavier ends. It takes the place of the normal where an SD comes from few schools, and makes the interval wider.",
         "t_{J-1}", {}, ("prediction",)),
    Term("Tau",
         "The SD between groups in the eight schools, where only an estimate and a standard error of each are known. "
         "The same thing as the SD between schools.",
         "\\tau", _names("`metafor::rma`: tau²", "`meta`: tau2", "√τ"), ("how_sure_about_tau",)),
    Term("Truth",
         "What a simulation was made with, and what nobody sees in real data. Sliders set it; the figures show estimates.",
         "", {}, ("partial_pooling",), ("true mean",)),
    Term("Two-step regression",
         "A regression for each school, and then those coefficients on u. Where the second step forgets how well each "
         "coefficient is known, it takes sampling noise for differences between schools.",
         "", _names("`lmList`, then `lm`", "`statsby`, then `regress`", "slopes as outcomes, in two steps", "minimum-distance or two-step estimator"),
         ("one_regression_or_two",), ("two steps", "two-step")),
    Term("Variance",
         "The square of an SD. Variances of independent parts add up, SDs do not.",
         "\\sigma^2", {}, ("complete_pooling", "one_regression_or_two", "structured_data")),
    Term("Variance components",
         "The variance of each level: districts, schools, students. Without predictors and varying slopes, they "
         "add up to the variance of a score.",
         "\\sigma_\\alpha^2,\\ \\sigma_\\gamma^2,\\ \\sigma_y^2", _names("`VarCorr()`", "random-effects parameters", "VARCOMP"),
         ("nested_and_crossed",)),
    Term("Varying coefficient",
         "A coefficient with a value of its own for each school: an intercept or a slope.",
         "\\alpha_j,\\ \\beta_j", _names(econ="random coefficient, if it has a model"), ("what_is_multilevel",), ("coefficients that vary",)),
    Term("Varying intercept",
         "An intercept for each school, from a distribution. It holds what the school-level model says and the school's error.",
         "\\alpha_j = a_0 + b_0 u_j + \\eta_{j1}", _names("`(1 | school)`; values by `coef()`", "`|| school:`", "β₀ⱼ", "individual effect"),
         ("varying_intercepts", "nested_and_crossed")),
    Term("Varying slope",
         "A slope for each school, from a distribution. It may go with the intercept: schools with high intercepts may have steep slopes.",
         "\\beta_j = a_1 + b_1 u_j + \\eta_{j2}", _names("`(1 + x | school)`", "`|| school: x, cov(un)`", "β₁ⱼ", "random coefficient"),
         ("varying_slopes",)),
    Term("Winner's curse",
         "The best-looking of many noisy estimates was, on average, helped by luck. Measured again, it looks less good, on average.",
         "", {}, ("treatment_effects",)),
    Term("Within slope",
         "How the outcome changes with x among students of one school.",
         "\\beta", _names(stata="the slope of `xtreg, fe`", hlm="slope of group-mean centred x", econ="within estimator"), ("two_level_predictors",)),
)  # fmt: skip

MISCONCEPTIONS = (
    ("Shrinkage is arbitrary, a bias to be avoided.",
     "Each estimate is drawn to the middle, and on average over draws the mean squared error is smaller. The data say how far.",
     ("partial_pooling", "efficient_inference")),
    ("All schools are pulled equally, always to the grand mean.",
     "Small schools are pulled more; and with a school-level predictor, to a line.",
     ("partial_pooling", "varying_intercepts")),
    ("Fixed and random have one meaning.",
     "They have at least five, which disagree.", ("fixed_and_random",)),
    ("Nested or crossed is a modelling choice.",
     "It is a fact of the data. The formula can only get it right or wrong.", ("nested_and_crossed",)),
    ("A small ICC can be ignored.",
     "At an ICC of .05 and 50 students a school, the variance of a school-level effect is 3.45 times what is stated.", ("structured_data",)),
    ("Too few groups forbids it.",
     "With few groups the SD between them is hardly known, and that can be said. Complete and no pooling assume it known.",
     ("how_sure_about_tau",)),
    ("The best and the worst schools are special.",
     "Where schools are much alike, both ends of a ranking are mostly luck, and small schools have the most of it.",
     ("small_groups",)),
    ("The pooled slope is the within-school slope.",
     "It mixes within and between, and can have the wrong sign.", ("two_level_predictors",)),
    ("School effects are ordinary parameter estimates.",
     "They are estimates with a distribution behind them; that is why a new school can be predicted, too.",
     ("prediction", "fixed_and_random")),
)  # fmt: skip

REFERENCES = (
    ("Bafumi, J. & Gelman, A. (2006). Fitting multilevel models when predictors and group effects correlate. "
     "Annual meeting of the Midwest Political Science Association.", ""),
    ("Bates, D., Mächler, M., Bolker, B. & Walker, S. (2015). Fitting linear mixed-effects models using lme4. "
     "*Journal of Statistical Software* 67(1), 1–48.", "https://doi.org/10.18637/jss.v067.i01"),
    ("Bland, J. M. & Altman, D. G. (1994). Regression towards the mean. *BMJ* 308, 1499.",
     "https://doi.org/10.1136/bmj.308.6942.1499"),
    ("Cameron, A. C. & Miller, D. L. (2015). A practitioner's guide to cluster-robust inference. "
     "*Journal of Human Resources* 50(2), 317–372.", "https://doi.org/10.3368/jhr.50.2.317"),
    ("Crouch, C. H., Fagen, A. P., Callan, J. P. & Mazur, E. (2004). Classroom demonstrations: learning tools or "
     "entertainment? *American Journal of Physics* 72(6), 835–838.", "https://doi.org/10.1119/1.1707018"),
    ("Efron, B. & Morris, C. (1977). Stein's paradox in statistics. *Scientific American* 236(5), 119–127.",
     "https://doi.org/10.1038/scientificamerican0577-119"),
    ("Galton, F. (1886). Regression towards mediocrity in hereditary stature. *Journal of the Anthropological "
     "Institute* 15, 246–263.", "https://doi.org/10.2307/2841583"),
    ("Gelman, A. (2005). Analysis of variance: why it is more important than ever. *Annals of Statistics* 33(1), 1–53.",
     "https://doi.org/10.1214/009053604000001048"),
    ("Gelman, A. & Hill, J. (2007). *Data Analysis Using Regression and Multilevel/Hierarchical Models*. "
     "Cambridge University Press.", ""),
    ("Gelman, A. & Price, P. N. (1999). All maps of parameter estimates are misleading. *Statistics in Medicine* "
     "18(23), 3221–3234.", ""),
    ("Gelman, A., Carlin, J. B., Stern, H. S., Dunson, D. B., Vehtari, A. & Rubin, D. B. (2013). "
     "*Bayesian Data Analysis*, third edition (BDA3). CRC Press.", ""),
    ("Green, B. F. & Tukey, J. W. (1960). Complex analyses of variance: general problems. *Psychometrika* 25(2), "
     "127–152.", ""),
    ("Higgins, J. P. T., Thompson, S. G. & Spiegelhalter, D. J. (2009). A re-evaluation of random-effects "
     "meta-analysis. *Journal of the Royal Statistical Society A* 172(1), 137–159.",
     "https://doi.org/10.1111/j.1467-985X.2008.00552.x"),
    ("Johnson, P. C. D. (2014). Extension of Nakagawa & Schielzeth's R²GLMM to random slopes models. "
     "*Methods in Ecology and Evolution* 5(9), 944–946.", "https://doi.org/10.1111/2041-210X.12225"),
    ("Kish, L. (1965). *Survey Sampling*. Wiley. (The design effect.)", ""),
    ("Kreft, I. & de Leeuw, J. (1998). *Introducing Multilevel Modeling*. Sage.", ""),
    ("Laird, N. M. & Louis, T. A. (1989). Empirical Bayes ranking methods. *Journal of Educational Statistics* "
     "14(1), 29–46.", "https://doi.org/10.3102/10769986014001029"),
    ("LaMotte, L. R. (1983). Fixed-, random-, and mixed-effects models. *Encyclopedia of Statistical Sciences* 3, "
     "137–141. Wiley.", ""),
    ("Moulton, B. R. (1986). Random group effects and the precision of regression estimates. "
     "*Journal of Econometrics* 32(3), 385–397.", "https://doi.org/10.1016/0304-4076(86)90021-7"),
    ("Mundlak, Y. (1978). On the pooling of time series and cross section data. *Econometrica* 46(1), 69–85.",
     "https://doi.org/10.2307/1913646"),
    ("Nakagawa, S. & Schielzeth, H. (2013). A general and simple method for obtaining R² from generalized linear "
     "mixed-effects models. *Methods in Ecology and Evolution* 4(2), 133–142.",
     "https://doi.org/10.1111/j.2041-210x.2012.00261.x"),
    ("Partlett, C. & Riley, R. D. (2017). Random effects meta-analysis: coverage performance of 95% confidence and "
     "prediction intervals following REML estimation. *Statistics in Medicine* 36(2), 301–317.",
     "https://doi.org/10.1002/sim.7140"),
    ("Patterson, H. D. & Thompson, R. (1971). Recovery of inter-block information when block sizes are unequal. "
     "*Biometrika* 58(3), 545–554. (REML.)", "https://doi.org/10.1093/biomet/58.3.545"),
    ("Raudenbush, S. W. & Bryk, A. S. (2002). *Hierarchical Linear Models*, second edition. Sage.", ""),
    ("Robinson, G. K. (1991). That BLUP is a good thing: the estimation of random effects. "
     "*Statistical Science* 6(1), 15–32.", "https://doi.org/10.1214/ss/1177011926"),
    ("Rubin, D. B. (1981). Estimation in parallel randomized experiments. *Journal of Educational Statistics* 6(4), "
     "377–401. (The eight schools.)", "https://doi.org/10.3102/10769986006004377"),
    ("Searle, S. R., Casella, G. & McCulloch, C. E. (1992). *Variance Components*. Wiley.", ""),
    ("Simpson, E. H. (1951). The interpretation of interaction in contingency tables. *Journal of the Royal "
     "Statistical Society B* 13(2), 238–241.", ""),
    ("Snijders, T. A. B. & Bosker, R. J. (1999). *Multilevel Analysis*. Sage.", ""),
    ("Stram, D. O. & Lee, J. W. (1994). Variance components testing in the longitudinal mixed effects model. "
     "*Biometrics* 50(4), 1171–1177.", "https://doi.org/10.2307/2533455"),
    ("Tversky, A. & Kahneman, D. (1974). Judgment under uncertainty: heuristics and biases. *Science* 185, "
     "1124–1131.", "https://doi.org/10.1126/science.185.4157.1124"),
    ("Wainer, H. (2007). The most dangerous equation. *American Scientist* 95(3), 249–256.", ""),
)  # fmt: skip


_LINK = re.compile(r"\[\[([^\]|]+)(?:\|([^\]]+))?\]\]")


@cache
def _by_name() -> dict[str, Term]:
    """Every term by each of its names, and by their plurals; a term's own name comes first."""
    own = {term.name.casefold(): term for term in TERMS}
    others = {name.casefold(): term for term in reversed(TERMS) for name in term.names}
    singular = others | own
    return {f"{name}s": term for name, term in singular.items()} | singular


def find(name: str) -> Term | None:
    """The term of this name, of one of its other words, or of their plural.

    >>> find("hyperparameters").name, find("ICC").name
    ('Hyperparameter', 'Intraclass correlation (ICC)')
    """
    return _by_name().get(name.strip().casefold())


def links(text: str) -> list[str]:
    """The names that a text links, as they stand there.

    >>> links("the [[deviance|misfit]] and the [[ICC]]")
    ['deviance', 'ICC']
    """
    return [found[1] for found in _LINK.finditer(text)]


def linked(text: str) -> str:
    """Markdown in which ``[[a term]]`` and ``[[a term|other words]]`` lead to the glossary.

    A term that is not in the glossary stays plain words; a test reads all that lessons link.

    >>> linked("[[deviance|misfit]]").startswith("[misfit](glossary?term=Deviance")
    True
    """

    def link(found: re.Match[str]) -> str:
        name, words = found[1], found[2] or found[1]
        term = find(name)
        if term is None:
            return words
        meaning = term.meaning.replace('"', "”")
        return f'[{words}](glossary?term={quote(term.name)} "{meaning}")'

    return _LINK.sub(link, text)


# Where a word is met

PAGES = Path(__file__).resolve().parents[1]
_SAID = ("heading", "text", "do", "changed", "look", "hand", "ask")


def spoken(text: str, names: tuple[str, ...]) -> bool:
    """Whether a text has one of these words, also where a longer word begins with it.

    >>> spoken("Schools are biased.", ("bias", "BLUP")), spoken("unbiased", ("bias",))
    (True, False)
    """
    plain = text.casefold()
    return any(re.search(rf"(?<![^\W_]){re.escape(n.casefold())}", plain) for n in names)


def shown(text: str, symbol: str) -> bool:
    """Whether a text has a symbol, or one of several: short ones do not count.

    >>> shown(r"$\\eta_{j1}$", r"\\eta_{j1},\\ \\eta_{j2}"), shown(r"$\\sigma_y$", r"\\sigma")
    (True, False)
    """
    parts = [part for part in symbol.split(r",\ ") if len(part) > 5]
    return any(re.search(rf"{re.escape(part)}(?![\w^])", text) for part in parts)


@cache
def steps_of(slug: str) -> tuple[str, ...]:
    """All that each step of a lesson can say, read from its page without running it.

    A page that tells no story has no steps.
    """
    tree = ast.parse((PAGES / f"{slug}.py").read_text(encoding="utf-8"))
    named: dict[str, ast.AST] = {n.name: n for n in tree.body if isinstance(n, ast.FunctionDef)}
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            named[node.targets[0].id] = node.value

    notes = {
        node.body[0].lineno: node.body[0].value.value
        for node in tree.body
        if isinstance(node, ast.FunctionDef)
        and isinstance(node.body[0], ast.Expr)
        and isinstance(node.body[0].value, ast.Constant)
    }

    def words(node: ast.AST, known: set[str]) -> Iterator[str]:
        for part in ast.walk(node):
            if isinstance(part, ast.Constant) and isinstance(part.value, str):
                if part.value != notes.get(part.lineno):
                    yield part.value
            elif isinstance(part, ast.Name) and part.id in named and part.id not in known:
                known.add(part.id)
                yield from words(named[part.id], known)

    listed = next((named.get(name) for name in _told_as(tree)), None)
    calls = listed.elts if isinstance(listed, ast.List) else []
    return tuple(
        "\n".join(
            text
            for said in call.keywords
            if said.arg in _SAID
            for text in words(said.value, set(_told_as(tree)))
        )
        for call in calls
        if isinstance(call, ast.Call)
    )


def _told_as(tree: ast.Module) -> list[str]:
    """The name of the list that a page gives to its story: ``Story(steps=STEPS)``."""
    return [
        given.value.id
        for call in ast.walk(tree)
        if isinstance(call, ast.Call) and getattr(call.func, "attr", "") == "Story"
        for given in call.keywords
        if given.arg == "steps" and isinstance(given.value, ast.Name)
    ]


def first_step(slug: str, term: Term) -> int | None:
    """The step of a lesson that links a word first, else the first that says it or its symbol.

    Counted from 1, as in the address; None where no step says it, only the parts below.
    """
    steps = steps_of(slug)
    linking = (k for k, said in enumerate(steps, 1) if term in map(find, links(said)))
    saying = (k for k, said in enumerate(steps, 1) if spoken(said, term.names))
    showing = (k for k, said in enumerate(steps, 1) if shown(said, term.symbol))
    return next(linking, None) or next(saying, None) or next(showing, None)
