# Pooled estimate, Q and REML tau by metafor.
# Run: Rscript tests/golden/eight_schools.R > tests/golden/eight_schools_metafor.json
suppressPackageStartupMessages(library(metafor))
y <- c(28, 8, -3, 7, -1, 1, 18, 12)
cases <- list(
  eight = c(15, 10, 16, 11, 9, 11, 10, 18),
  precise = c(5.0, 3.0, 5.5, 4.0, 3.0, 3.5, 3.0, 6.0)
)
number <- function(x) paste0("[", paste(sprintf("%.15g", x), collapse = ", "), "]")
out <- sapply(names(cases), function(name) {
  se <- cases[[name]]
  common <- rma(yi = y, sei = se, method = "EE")
  reml <- rma(yi = y, sei = se, method = "REML", control = list(threshold = 1e-12, maxiter = 1000))
  effects <- blup(reml)
  sprintf(
    '"%s": {"y": %s, "se": %s, "pooled": %.15g, "pooled_se": %.15g, "q": %.15g, "p": %.15g, "tau": %.15g, "mu": %.15g, "mu_se": %.15g, "effects": %s, "effects_se": %s}',
    name, number(y), number(se), common$beta, common$se, common$QE, common$QEp,
    sqrt(reml$tau2), reml$beta, reml$se, number(effects$pred), number(effects$se)
  )
})
cat("{", paste(out, collapse = ",\n"), "}\n", sep = "")
