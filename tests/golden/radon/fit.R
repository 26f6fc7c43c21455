# lme4's fits of the radon data, and the counties' intercepts of two of them:
# Rscript fit.R ../../../datasets/radon.csv radon_lme4.json
# The lowest criterion of three optimisers is kept.
suppressMessages({library(lme4); library(jsonlite)})
args <- commandArgs(TRUE); d <- read.csv(args[1])
forms <- c("log_radon ~ 1 + (1 | county)", "log_radon ~ floor + (1 | county)",
  "log_radon ~ floor + log_uranium + (1 | county)", "log_radon ~ floor + (1 + floor | county)",
  "log_radon ~ floor * log_uranium + (1 + floor | county)")
best <- function(f) {
  ctl <- list(lmerControl(optimizer = "bobyqa", optCtrl = list(rhobeg = 0.2, rhoend = 1e-9, maxfun = 1e5), calc.derivs = FALSE),
    lmerControl(optimizer = "Nelder_Mead", optCtrl = list(maxfun = 1e5, FtolAbs = 1e-13, FtolRel = 1e-15, XtolRel = 1e-10), calc.derivs = FALSE),
    lmerControl(optimizer = "nloptwrap", optCtrl = list(xtol_abs = 1e-10, ftol_abs = 1e-12, maxeval = 1e5), calc.derivs = FALSE))
  fits <- lapply(ctl, function(k) suppressWarnings(suppressMessages(lmer(as.formula(f), d, REML = TRUE, control = k))))
  fits[[which.min(sapply(fits, REMLcrit))]]
}
u <- tapply(d$log_uranium, d$county, head, 1)
out <- lapply(forms, function(f) {
  m <- best(f); v <- as.data.frame(VarCorr(m))
  r <- list(data = "radon", formula = f, method = "REML", criterion = REMLcrit(m), fixed = as.list(fixef(m)),
    fixed_se = as.list(sqrt(diag(as.matrix(vcov(m))))), sdcor = v[, c("grp", "var1", "var2", "vcov", "sdcor")])
  if (f %in% forms[2:3]) {
    b <- if ("log_uranium" %in% names(fixef(m))) fixef(m)[["log_uranium"]] else 0
    a <- coef(m)$county[names(u), "(Intercept)"] + b * u
    r$county_intercept <- as.list(a)
  }
  r
})
write(toJSON(out, digits = 11, auto_unbox = TRUE, dataframe = "rows", pretty = TRUE), args[2])
cat(length(out), "fits; lme4", as.character(packageVersion("lme4")), "\n")
