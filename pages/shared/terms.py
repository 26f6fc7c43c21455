"""The words of the course: what they mean, their symbols, their names elsewhere, where they are taught."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import quote


@dataclass(frozen=True, slots=True)
class Term:
    """One word.

    Attributes
    ----------
    name, meaning : str
        The meaning in one or two sentences.
    symbol : str
        LaTeX, or nothing.
    elsewhere : dict of str to str
        What others call it: R (lme4), Stata, SPSS/HLM, econometrics.
    taught : tuple of str
        Lessons, by slug.
    """

    name: str
    meaning: str
    symbol: str = ""
    elsewhere: dict[str, str] = field(default_factory=dict)
    taught: tuple[str, ...] = ()


LME4, STATA, HLM, ECON = "R (lme4)", "Stata", "SPSS, HLM", "econometrics"


def _names(lme4: str = "", stata: str = "", hlm: str = "", econ: str = "") -> dict[str, str]:
    pairs = {LME4: lme4, STATA: stata, HLM: hlm, ECON: econ}
    return {who: what for who, what in pairs.items() if what}


TERMS = (
    Term("Between slope",
         "How the schools' mean outcomes change with their mean x. It can differ from the within slope, even in sign.",
         "", _names(stata="the slope of `xtreg, be`", econ="between estimator"), ("two_level_predictors",)),
    Term("Centring",
         "Counting x from another zero, most often its mean. The lines stay where they are; the intercepts, their SD "
         "and their correlation with the slopes change, since the intercept is the height of a line at x = 0.",
         "x_i - \\bar x", _names(hlm="grand-mean or group-mean centring", econ="demeaning; by group, the within transformation"),
         ("varying_slopes", "two_level_predictors")),
    Term("Cluster-robust standard error",
         "A standard error of the ordinary regression that allows students of a school to depend on each other. "
         "With few schools it is too small.",
         "", _names("`sandwich::vcovCL` on `lm`", "`vce(cluster school)`", econ="clustered standard errors"),
         ("complete_pooling", "structured_data")),
    Term("Complete pooling",
         "One regression for all students, as if there were no schools: the multilevel model with an SD between schools of 0.",
         "\\sigma_\\alpha = 0", _names("`lm(y ~ x)`", "`regress y x`", "REGRESSION", "pooled OLS"),
         ("complete_pooling", "partial_pooling")),
    Term("Conditional mode",
         "The estimate of a school's error given the hyperparameters: what partial pooling adds to the school-level line. "
         "In a linear model it is also the conditional mean.",
         "\\hat\\eta_j", _names("`ranef()`", "`predict, reffects`", "empirical Bayes residual", "predicted random effect"),
         ("partial_pooling", "fixed_and_random")),
    Term("Contextual effect",
         "What the school's mean of x adds at the same own x: the between slope minus the within slope.",
         "b_{\\text{between}} - b_{\\text{within}}", _names(hlm="contextual or compositional effect", econ="Mundlak term"),
         ("two_level_predictors",)),
    Term("Coverage",
         "The share of repeated data sets whose interval holds the truth. A 95% interval should have 95%.",
         "", {}, ("efficient_inference",)),
    Term("Crossed",
         "Two groupings of which neither lies inside the other: students of one neighbourhood go to several schools "
         "and the other way round. A fact of the data.",
         "", _names("`(1 | school) + (1 | neighbourhood)`", "`|| _all: R.school || neighbourhood:`",
                    "cross-classified model (HLM: HCM2)", "two-way effects"), ("nested_and_crossed",)),
    Term("Design effect",
         "How many times larger the variance of an estimate is because students come in schools. For something that "
         "is the same for all students of a school, with n students in each.",
         "1 + (n - 1)\\,\\text{ICC}", _names(stata="DEFF (`estat effects`)", econ="its square root is the Moulton factor"),
         ("structured_data",)),
    Term("Deviance",
         "Minus twice the log likelihood: the smaller, the better the fit. For REML, minus twice the restricted one.",
         "-2\\log L", _names("`deviance()`, `REMLcrit()`", "−2 × log likelihood", "−2 (Restricted) Log Likelihood"),
         ("partial_pooling",)),
    Term("Effect that varies",
         "A treatment effect with a value for each school: a varying slope of the treatment. The model gives its mean and its spread.",
         "\\beta_j", _names("`(1 + treated | school)`", "`|| school: treated`", "randomly varying slope", "heterogeneous treatment effect"),
         ("treatment_effects",)),
    Term("Empirical Bayes",
         "Estimating the hyperparameters from the data, and then the schools as if those estimates were true. "
         "What `lmer` and this course's fits do; a full Bayesian analysis averages over the hyperparameters.",
         "", _names(hlm="EB estimates (HLM's level-2 residual file)"), ("partial_pooling", "how_sure_about_tau")),
    Term("Fixed effect",
         "A word with at least five meanings (Gelman 2005): constant over schools; interesting in itself; all of a population; "
         "not random; estimated by least squares. In econometrics, an intercept for each school without a model for it. "
         "Say instead whether a coefficient varies and whether it is modelled.",
         "", _names("`fixef()`: the coefficients that do not vary", "the equation before `||`", "Fixed Effects; HLM's γ",
                    "no pooling: `xtreg, fe`"), ("fixed_and_random",)),
    Term("Funnel plot",
         "Estimates against the number of students. Without any true differences the small schools spread widely and the "
         "large ones little.",
         "\\sigma_y / \\sqrt{n_j}", {}, ("small_groups",)),
    Term("Group (school)",
         "What students belong to. In your data perhaps a hospital, a firm, a county or a person measured again and again.",
         "j", _names("grouping factor", "level, panel variable", "level-2 unit; SPSS: SUBJECT", "cluster, panel unit"),
         ("what_is_multilevel",)),
    Term("Hierarchical",
         "Said of data that are nested, and of models in layers. Multilevel is the wider word: its groups need not be nested.",
         "", _names(hlm="hierarchical linear model"), ("nested_and_crossed",)),
    Term("Hyperparameter",
         "A parameter of the model for the coefficients. The schools' coefficients are parameters; what they come from are hyperparameters.",
         "a_0, b_0, a_1, b_1, \\sigma_\\alpha, \\sigma_\\beta, \\rho",
         _names("fixed effects and `VarCorr()`", "coefficients and random-effects parameters", "γ and τ"), ("what_is_multilevel",)),
    Term("Indicator variable",
         "A variable that is 1 for the students of one school and 0 for all others. A regression with one for each school is no pooling.",
         "", _names("`factor(school)` in `lm`", "`i.school`", "dummy variable", "dummy variable; LSDV"), ("no_pooling",)),
    Term("Intraclass correlation (ICC)",
         "The share of the variance that lies between schools; also the correlation of two students of one school.",
         "\\dfrac{\\sigma_\\alpha^2}{\\sigma_\\alpha^2 + \\sigma_y^2}",
         _names("from `VarCorr()`", "`estat icc`", "ICC", "rho (of `xtreg`)"), ("complete_pooling", "structured_data")),
    Term("Leaving schools out",
         "Judging predictions on schools, or on students, that the fit has not seen. The two answer different questions.",
         "", _names(econ="out-of-sample error"), ("prediction",)),
    Term("Mean intercept and mean slope",
         "Where u = 0, the middle of the schools' intercepts and of their slopes.",
         "a_0,\\ a_1", _names("`(Intercept)` and `x` of `fixef()`", "`_cons` and `x`", "γ₀₀ and γ₁₀", "population-average coefficients"),
         ("varying_intercepts", "varying_slopes")),
    Term("Mixed model",
         "A linear model with both kinds of coefficients, those without and those with a distribution. Another notation for the same model.",
         "y = X\\beta + Zb + \\epsilon", _names("`lmer`", "`mixed`", "MIXED", "random-coefficients model"), ("fixed_and_random",)),
    Term("Multilevel regression",
         "A regression whose coefficients have a model of their own. Two parts: coefficients that vary, and a model for them.",
         "", _names("linear mixed-effects model", "`mixed`", "hierarchical linear model", "random-effects model"),
         ("what_is_multilevel",)),
    Term("Mundlak's device",
         "Adding the school's mean of x as a school-level predictor. The slope of x is then the within slope, as in no pooling.",
         "u_j = \\bar x_j", _names(stata="`xtreg, re` with means; `xthybrid`", hlm="group means at level 2", econ="correlated random effects"),
         ("two_level_predictors",)),
    Term("Nested",
         "Each level of one grouping lies inside one level of the other: every school in one district. A fact of the data; "
         "labels used again in each district hide it.",
         "", _names("`(1 | district/school)`, if labels are used again", "`|| district: || school:`", "level 3, level 2"),
         ("nested_and_crossed",)),
    Term("No pooling",
         "Every school by itself, the SD between schools taken as infinite. Either an intercept for each school with one "
         "slope, or a regression for each school: textbooks use the word for both.",
         "\\sigma_\\alpha = \\infty", _names("`lm(y ~ x + factor(school))`, `lmList`", "`areg`, `xtreg, fe`", "dummy variables",
                                             "fixed effects, within estimator"), ("no_pooling", "partial_pooling")),
    Term("Partial pooling",
         "A weighted average of the school's own estimate and what the school-level model says. The weights come from how much each knows.",
         "\\hat\\alpha_j", _names("`coef()`", "`predict, fitted`", "empirical Bayes estimate", "BLUP of the random-effects model"),
         ("partial_pooling",)),
    Term("Posterior distribution",
         "What is known of a parameter after the data: prior times likelihood, scaled to area 1.",
         "p(\\tau \\mid y)", {}, ("how_sure_about_tau",)),
    Term("Predictive distribution",
         "What the next student may score. It is wider for a school we know little of, and widest for a new school.",
         "", _names("`predict(re.form = NULL)` for known schools, `NA` for new ones"), ("prediction",)),
    Term("Prior distribution",
         "What is assumed of a parameter before the data. With few schools the prior on tau matters; with many it hardly does.",
         "p(\\tau)", {}, ("how_sure_about_tau",)),
    Term("Profile likelihood interval",
         "The values of a parameter that some setting of all others makes likely enough. It need not be symmetric, which suits an SD.",
         "", _names("`confint(method = \"profile\")`"), ("your_data", "how_sure_about_tau")),
    Term("Random effect",
         "A coefficient that has a distribution: here, a school's error. The word says nothing of how the schools were chosen.",
         "\\eta_j", _names("`ranef()`; b in Zb", "random effect, BLUP", "u₀ⱼ, u₁ⱼ", "individual effect, uncorrelated with x"),
         ("fixed_and_random",)),
    Term("Recycled labels",
         "The same label for different groups, as class 7A in two schools. Taken at its word, it joins what is apart.",
         "", _names("write `district:school`"), ("nested_and_crossed",)),
    Term("REML and ML",
         "Two criteria for estimating SDs. Maximum likelihood takes the mean coefficients as known, and its SDs are too small "
         "with few schools; restricted maximum likelihood allows for them.",
         "", _names("REML unless `REML = FALSE`", "ML unless `reml`", "REML unless ML is asked for", "ML; or GLS with moment estimates (`xtreg, re`)"),
         ("partial_pooling", "how_sure_about_tau")),
    Term("Replication",
         "Simulating the same scenario again with other draws, and fitting again: thousands of worlds show how an estimator behaves.",
         "", _names("`simulate()`, `refit()`", "`simulate:`", econ="Monte Carlo"), ("efficient_inference", "one_regression_or_two")),
    Term("School-level error",
         "What the school-level model leaves unexplained of a school's intercept or slope.",
         "\\eta_{j1},\\ \\eta_{j2}", _names("random effects b", "random effects", "u₀ⱼ, u₁ⱼ", "αᵢ or cᵢ"), ("varying_intercepts", "varying_slopes")),
    Term("School-level predictor",
         "A predictor with one value a school. It moves what schools are pulled to; its effect on the slope is a product of x and u.",
         "u_j,\\ b_0,\\ b_1", _names("`u` and `x:u`", "`u` and `c.x#c.u`", "level-2 predictor W; γ₀₁, γ₁₁; cross-level interaction", "time-invariant regressor"),
         ("varying_intercepts", "two_level_predictors")),
    Term("SD between schools",
         "How much schools' intercepts differ beyond what u explains. Small: schools are much alike, and are pulled far.",
         "\\sigma_\\alpha", _names("Std.Dev. of `(Intercept)`", "`sd(_cons)`; `var(_cons)` is its square", "√τ₀₀", "sigma_u"),
         ("partial_pooling", "varying_intercepts")),
    Term("SD of slopes",
         "How much schools' slopes differ beyond what u explains.",
         "\\sigma_\\beta", _names("Std.Dev. of `x`", "`sd(x)`; `var(x)` is its square", "√τ₁₁"), ("varying_slopes",)),
    Term("SD within schools",
         "How much students of one school differ, given x.",
         "\\sigma_y", _names("Residual; `sigma()`", "`sd(Residual)`", "√σ²", "sigma_e"), ("partial_pooling",)),
    Term("Correlation of intercepts and slopes",
         "Whether schools with high intercepts have steep slopes. It depends on where x is zero.",
         "\\rho", _names("Corr in `VarCorr()`", "`corr(x, _cons)` with `cov(unstructured)`", "τ₀₁ as a correlation"), ("varying_slopes",)),
    Term("Shrinkage",
         "How far a school's estimate is pulled from its own data: more, the fewer students it has and the more alike schools are.",
         "1 - w_j,\\quad w_j = \\dfrac{\\sigma_\\alpha^2}{\\sigma_\\alpha^2 + \\sigma_y^2/n_j}",
         _names(hlm="one minus the reliability λⱼ"), ("partial_pooling", "varying_slopes")),
    Term("Simpson's paradox",
         "Every school's slope goes up and the slope of all students together goes down.",
         "", {}, ("complete_pooling", "two_level_predictors")),
    Term("Singular fit",
         "An SD estimated as exactly 0, or a correlation as exactly 1 or −1. A result, not an error: the data cannot tell it from that. "
         "The interval says how far it could be.",
         "", _names("`isSingular()`", "an SD near 0 without standard error", "“covariance parameter is redundant”"),
         ("partial_pooling", "varying_slopes", "how_sure_about_tau")),
    Term("Student",
         "One row of the table: what is measured within a group. In your data perhaps a patient, a worker or an occasion.",
         "i", _names("observation", "level 1", "level-1 unit", "observation"), ("what_is_multilevel",)),
    Term("Tau",
         "The SD between groups in the eight schools, where only an estimate and a standard error of each are known. "
         "The same thing as the SD between schools.",
         "\\tau", _names("`metafor::rma`: tau²", "`meta`: tau2", "√τ"), ("how_sure_about_tau",)),
    Term("Two-step regression",
         "A regression for each school, and then those coefficients on u. It takes sampling noise for differences between schools.",
         "", _names("`lmList`, then `lm`", "`statsby`, then `regress`", "slopes as outcomes, in two steps", "minimum-distance or two-step estimator"),
         ("one_regression_or_two",)),
    Term("Varying intercept",
         "An intercept for each school, from a distribution. It holds what the school-level model says and the school's error.",
         "\\alpha_j = a_0 + b_0 u_j + \\eta_{j1}", _names("`(1 | school)`; values by `coef()`", "`|| school:`", "β₀ⱼ", "individual effect"),
         ("varying_intercepts",)),
    Term("Varying slope",
         "A slope for each school, from a distribution, correlated with the intercept.",
         "\\beta_j = a_1 + b_1 u_j + \\eta_{j2}", _names("`(1 + x | school)`", "`|| school: x, cov(un)`", "β₁ⱼ", "random coefficient"),
         ("varying_slopes",)),
    Term("Within slope",
         "How the outcome changes with x among students of one school.",
         "\\beta", _names(stata="the slope of `xtreg, fe`", hlm="slope of group-mean centred x", econ="within estimator"), ("two_level_predictors",)),
)  # fmt: skip

MISCONCEPTIONS = (
    ("Shrinkage is arbitrary, a bias to be avoided.",
     "Each estimate is biased, and the errors are smaller on the whole. The data say how far.",
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
     "Most often they are small: both ends of a league table are noise first.", ("small_groups",)),
    ("The pooled slope is the within-school slope.",
     "It mixes within and between, and can have the wrong sign.", ("two_level_predictors",)),
    ("School effects are ordinary parameter estimates.",
     "They are predictions from a distribution; that is why a new school can be predicted, too.",
     ("prediction", "fixed_and_random")),
)  # fmt: skip

REFERENCES = (
    ("Bates, D., Mächler, M., Bolker, B. & Walker, S. (2015). Fitting linear mixed-effects models using lme4. "
     "*Journal of Statistical Software* 67(1), 1–48.", "https://doi.org/10.18637/jss.v067.i01"),
    ("Cameron, A. C. & Miller, D. L. (2015). A practitioner's guide to cluster-robust inference. "
     "*Journal of Human Resources* 50(2), 317–372.", "https://doi.org/10.3368/jhr.50.2.317"),
    ("Crouch, C. H., Fagen, A. P., Callan, J. P. & Mazur, E. (2004). Classroom demonstrations: learning tools or "
     "entertainment? *American Journal of Physics* 72(6), 835–838.", "https://doi.org/10.1119/1.1707018"),
    ("Efron, B. & Morris, C. (1977). Stein's paradox in statistics. *Scientific American* 236(5), 119–127.", ""),
    ("Gelman, A. (2005). Analysis of variance: why it is more important than ever. *Annals of Statistics* 33(1), 1–53.",
     "https://doi.org/10.1214/009053604000001048"),
    ("Gelman, A. & Hill, J. (2007). *Data Analysis Using Regression and Multilevel/Hierarchical Models*. "
     "Cambridge University Press.", ""),
    ("Gelman, A., Carlin, J. B., Stern, H. S., Dunson, D. B., Vehtari, A. & Rubin, D. B. (2013). "
     "*Bayesian Data Analysis*, third edition (BDA3). CRC Press.", ""),
    ("Kish, L. (1965). *Survey Sampling*. Wiley. (The design effect.)", ""),
    ("Moulton, B. R. (1986). Random group effects and the precision of regression estimates. "
     "*Journal of Econometrics* 32(3), 385–397.", "https://doi.org/10.1016/0304-4076(86)90021-7"),
    ("Mundlak, Y. (1978). On the pooling of time series and cross section data. *Econometrica* 46(1), 69–85.",
     "https://doi.org/10.2307/1913646"),
    ("Patterson, H. D. & Thompson, R. (1971). Recovery of inter-block information when block sizes are unequal. "
     "*Biometrika* 58(3), 545–554. (REML.)", "https://doi.org/10.1093/biomet/58.3.545"),
    ("Raudenbush, S. W. & Bryk, A. S. (2002). *Hierarchical Linear Models*, second edition. Sage.", ""),
    ("Robinson, G. K. (1991). That BLUP is a good thing: the estimation of random effects. "
     "*Statistical Science* 6(1), 15–32.", "https://doi.org/10.1214/ss/1177011926"),
    ("Rubin, D. B. (1981). Estimation in parallel randomized experiments. *Journal of Educational Statistics* 6(4), "
     "377–401. (The eight schools.)", "https://doi.org/10.3102/10769986006004377"),
    ("Simpson, E. H. (1951). The interpretation of interaction in contingency tables. *Journal of the Royal "
     "Statistical Society B* 13(2), 238–241.", ""),
    ("Wainer, H. (2007). The most dangerous equation. *American Scientist* 95(3), 249–256.", ""),
)  # fmt: skip


_LINK = re.compile(r"\[\[([^\]|]+)(?:\|([^\]]+))?\]\]")


def linked(text: str) -> str:
    """Markdown in which ``[[a term]]`` and ``[[a term|other words]]`` lead to the glossary.

    A term that is not in the glossary stays plain words; a test reads all that lessons link.

    >>> linked("the [[deviance|misfit]]").startswith("[misfit](glossary?term=Deviance")
    True
    """

    def link(found: re.Match[str]) -> str:
        name, words = found[1], found[2] or found[1]
        term = next((t for t in TERMS if t.name.casefold() == name.casefold()), None)
        if term is None:
            return words
        meaning = term.meaning.replace('"', "”")
        return f'[{words}](glossary?term={quote(term.name)} "{meaning}")'

    return _LINK.sub(link, text)
