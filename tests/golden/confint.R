# Profile likelihood intervals of the variance components by lme4's confint(), for cases in golden/lme4.
# Usage: Rscript tests/golden/confint.R tests/golden/lme4/cases tests/golden/confint.json
suppressMessages({library(lme4); library(jsonlite)})
args <- commandArgs(TRUE)
forms <- list(common = "y ~ x + (1 | school)", common_u = "y ~ x + u + (1 | school)", varying = "y ~ x + (1 + x | school)")
cases <- list(common = c("unbalanced_30", "balanced_8", "zero_between_8", "three_schools", "raw_scale_25", "slopes_40", "large_2000"),
              common_u = c("unbalanced_30", "raw_scale_25"), varying = c("slopes_40"))
out <- list()
for (k in names(forms)) for (name in cases[[k]]) {
  d <- read.csv(file.path(args[1], paste0(name, ".csv"))); d$school <- factor(d$school)
  fit <- suppressMessages(suppressWarnings(lmer(as.formula(forms[[k]]), d)))
  ci <- suppressMessages(suppressWarnings(confint(fit, parm = "theta_", method = "profile", oldNames = FALSE)))
  out[[length(out) + 1]] <- list(data = name, model = k, formula = forms[[k]], names = rownames(ci), low = unname(ci[, 1]), high = unname(ci[, 2]))
}
write(toJSON(out, digits = NA, auto_unbox = TRUE), args[2])
cat(length(out), "fits; lme4", as.character(packageVersion("lme4")), "\n")
