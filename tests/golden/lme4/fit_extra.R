# Fits extra_cases.csv with lme4 (several optimisers, the lowest criterion kept).
# Run in this folder: Rscript fit_extra.R
suppressMessages({library(lme4); library(jsonlite)})
forms <- list(
  null="y ~ 1 + (1 | school)", intercepts="y ~ x + (1 | school)", intercepts_u="y ~ x + u + (1 | school)",
  null_u="y ~ u + (1 | school)",
  slopes="y ~ x + (1 + x | school)", slopes_u="y ~ x * u + (1 + x | school)",
  slopes_uncorrelated="y ~ x + (1 + x || school)", slopes_uncorrelated_u="y ~ x * u + (1 + x || school)")
best <- function(f, d, REML) {
  any_size <- function(...) lmerControl(..., calc.derivs=FALSE, check.nobs.vs.nRE="ignore", check.nobs.vs.nlev="stop")
  ctl <- list(any_size(optimizer="bobyqa", optCtrl=list(rhobeg=0.2, rhoend=1e-9, maxfun=1e5)),
              any_size(optimizer="Nelder_Mead", optCtrl=list(maxfun=1e5, FtolAbs=1e-13, FtolRel=1e-15, XtolRel=1e-10)),
              any_size(optimizer="nloptwrap", optCtrl=list(xtol_abs=1e-10, ftol_abs=1e-12, maxeval=1e5)))
  fits <- lapply(ctl, function(c) tryCatch(suppressWarnings(suppressMessages(lmer(f, d, REML=REML, control=c))), error=function(e) NULL))
  fits <- Filter(Negate(is.null), fits)
  if (length(fits) == 0) return(NULL)
  fits[[which.min(sapply(fits, function(m) if (REML) REMLcrit(m) else deviance(m)))]]
}
out <- list()
all <- read.csv("extra_cases.csv")
for (name in unique(all$case)) {
  d <- all[all$case == name, ]; d$school <- factor(d$school); schools <- nlevels(d$school)
  for (k in names(forms)) for (REML in c(TRUE, FALSE)) {
    if (schools < 3 && grepl("_u", k)) next
    if (name == "x_of_school" && grepl("slopes", k)) next
    m <- best(as.formula(forms[[k]]), d, REML)
    if (is.null(m) || length(fixef(m)) < ncol(model.matrix(as.formula(nobars(as.formula(forms[[k]]))), d))) next
    v <- as.data.frame(VarCorr(m))
    r <- list(data=name, model=k, method=if (REML) "REML" else "ML", criterion=if (REML) REMLcrit(m) else deviance(m),
      singular=isSingular(m), fixed=as.list(fixef(m)), fixed_se=as.list(sqrt(diag(as.matrix(vcov(m))))),
      vcov=as.matrix(vcov(m)), sd_cor=v[,c("grp","var1","var2","sdcor")], sigma_y=sigma(m))
    if (!grepl("hard", name)) {
      re <- as.data.frame(ranef(m, condVar=TRUE)); r$conditional_modes <- re[,c("term","grp","condval","condsd")]
    }
    out[[length(out)+1]] <- r
  }
}
write(toJSON(out, digits=NA, auto_unbox=TRUE, dataframe="rows", pretty=FALSE), "lme4_extra.json")
cat(length(out), "fits; lme4", as.character(packageVersion("lme4")), "\n")
