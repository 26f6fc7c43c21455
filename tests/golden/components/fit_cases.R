# Fits every case with lme4 (several optimisers, the lowest criterion kept): lme4_fits.json.
suppressMessages({library(lme4); library(jsonlite)})
here <- dirname(sub("--file=", "", grep("--file=", commandArgs(FALSE), value = TRUE)))
controls <- list(
  lmerControl(optimizer = "bobyqa", optCtrl = list(rhobeg = 0.2, rhoend = 1e-9, maxfun = 1e5), calc.derivs = FALSE),
  lmerControl(optimizer = "Nelder_Mead", optCtrl = list(maxfun = 1e5, FtolAbs = 1e-13, FtolRel = 1e-15, XtolRel = 1e-10), calc.derivs = FALSE),
  lmerControl(optimizer = "nloptwrap", optCtrl = list(xtol_abs = 1e-10, ftol_abs = 1e-12, maxeval = 1e5), calc.derivs = FALSE))
criterion <- function(m, REML) if (REML) REMLcrit(m) else deviance(m)
out <- list()
for (file in list.files(file.path(here, "cases"), pattern = "csv$")) {
  d <- read.csv(file.path(here, "cases", file))
  factors <- intersect(c("district", "school", "class", "neighbourhood"), names(d))
  fixed <- intersect(c("x", "u"), names(d))
  formula <- paste("y ~", paste(c(fixed, sprintf("(1 | %s)", factors)), collapse = " + "))
  for (REML in c(TRUE, FALSE)) {
    fits <- lapply(controls, function(control) suppressWarnings(suppressMessages(
      lmer(as.formula(formula), d, REML = REML, control = control))))
    m <- fits[[which.min(sapply(fits, criterion, REML))]]
    sds <- as.data.frame(VarCorr(m))
    modes <- as.data.frame(ranef(m, condVar = TRUE))
    out[[length(out) + 1]] <- list(
      case = sub(".csv", "", file), formula = formula, factors = I(factors), fixed = I(fixed),
      method = if (REML) "REML" else "ML", criterion = criterion(m, REML),
      coef = unname(fixef(m)), se = unname(sqrt(diag(as.matrix(vcov(m))))),
      sd = as.list(setNames(sds$sdcor, sds$grp))[factors], sigma_y = sigma(m),
      modes = lapply(split(modes, modes$grpvar)[factors], function(k)
        list(level = as.integer(as.character(k$grp)), mode = k$condval, sd = k$condsd)))
  }
}
version <- list(R = as.character(getRversion()), lme4 = as.character(packageVersion("lme4")))
write(toJSON(list(version = version, fits = out), digits = NA, auto_unbox = TRUE), file.path(here, "lme4_fits.json"))
