# lme4's fits of models with several predictors and varying slopes: Rscript fit.R case.csv fits.json
suppressMessages({library(lme4); library(jsonlite)})
args <- commandArgs(TRUE); d <- read.csv(args[1]); d$xw <- d$x - ave(d$x, d$school); d$xm <- ave(d$x, d$school)
forms <- c(several = "y ~ x + z + kind + u + v + (1 | school)", slope = "y ~ x + z + kind + u + (1 + x | school)",
  product = "y ~ x * u + z + (1 + x | school)", two = "y ~ x + z + u + (1 + x + z | school)", raw = "y ~ z + (1 + z | school)",
  within = "y ~ xw + xm + kind + (1 + xw | school)", factor = "y ~ kind + (1 + kind | school)")
best <- function(f, REML) {
  ctl <- list(lmerControl(optimizer = "bobyqa", optCtrl = list(rhobeg = 0.2, rhoend = 1e-9, maxfun = 2e5), calc.derivs = FALSE),
    lmerControl(optimizer = "Nelder_Mead", optCtrl = list(maxfun = 2e5, FtolAbs = 1e-13, FtolRel = 1e-15, XtolRel = 1e-10), calc.derivs = FALSE),
    lmerControl(optimizer = "nloptwrap", optCtrl = list(xtol_abs = 1e-10, ftol_abs = 1e-12, maxeval = 2e5), calc.derivs = FALSE))
  fits <- lapply(ctl, function(k) suppressWarnings(suppressMessages(lmer(f, d, REML = REML, control = k))))
  fits[[which.min(sapply(fits, function(m) if (REML) REMLcrit(m) else deviance(m)))]]
}
out <- list()
for (k in names(forms)) for (REML in c(TRUE, FALSE)) {
  m <- best(as.formula(forms[[k]]), REML); v <- as.data.frame(VarCorr(m)); r <- ranef(m, condVar = TRUE)$school
  out[[length(out) + 1]] <- list(model = k, formula = forms[[k]], method = if (REML) "REML" else "ML",
    criterion = if (REML) REMLcrit(m) else deviance(m), names = names(fixef(m)), fixed = unname(fixef(m)),
    se = unname(sqrt(diag(as.matrix(vcov(m))))), sd = unname(attr(VarCorr(m)$school, "stddev")),
    corr = unname(attr(VarCorr(m)$school, "correlation")), sigma_y = sigma(m), modes = unname(as.matrix(r)),
    condsd = unname(t(apply(attr(r, "postVar"), 3, function(a) sqrt(diag(as.matrix(a)))))))
}
write(toJSON(out, digits = NA, auto_unbox = TRUE), args[2])
cat(length(out), "fits; lme4", as.character(packageVersion("lme4")), "\n")
