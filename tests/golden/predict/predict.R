# lme4's predict() for students of known and of new schools, from cases in golden/lme4.
# Usage: Rscript tests/golden/predict/predict.R tests/golden/lme4/cases tests/golden/predict/predict.json
suppressMessages({library(lme4); library(jsonlite)})
args <- commandArgs(TRUE)
forms <- list(null = "y ~ 1 + (1 | school)", intercepts = "y ~ x + (1 | school)",
              intercepts_u = "y ~ x + u + (1 | school)", slopes = "y ~ x + (1 + x | school)",
              slopes_u = "y ~ x * u + (1 + x | school)")
out <- list()
for (name in c("unbalanced_30", "slopes_40")) for (model in names(forms)) {
  d <- read.csv(file.path(args[1], paste0(name, ".csv"))); d$school <- factor(d$school)
  control <- lmerControl(optimizer = "bobyqa", optCtrl = list(rhoend = 1e-10))
  fit <- suppressMessages(suppressWarnings(lmer(as.formula(forms[[model]]), d, control = control)))
  first <- d[!duplicated(d$school), ][1:4, ]
  new <- data.frame(school = c(as.character(first$school), as.character(first$school), "new", "new"),
                    x = c(first$x, 0, 1, -1, 2, 0.5, -2),
                    u = c(first$u, first$u + 1, 0.7, -0.4))
  p <- predict(fit, newdata = new, allow.new.levels = TRUE)
  out[[length(out) + 1]] <- list(data = name, model = model, new = new, predicted = unname(p))
}
write(toJSON(out, digits = NA, auto_unbox = TRUE), args[2])
cat(length(out), "fits; lme4", as.character(packageVersion("lme4")), "\n")
