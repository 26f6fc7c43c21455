# Times lme4 on the csv files of a folder: Rscript fit_speed.R FOLDER
# Writes lme4.json there: for each file and model the least processor time (user and system) of
# some runs, and the criterion.
suppressMessages({library(lme4); library(jsonlite)})
processor_time <- function() sum(proc.time()[c("user.self", "sys.self")])
folder <- commandArgs(TRUE)[1]
forms <- list(intercepts = y ~ x + (1 | school), slopes = y ~ x + (1 + x | school))
out <- list()
for (file in list.files(folder, pattern = "csv$")) {
  d <- read.csv(file.path(folder, file))
  d$school <- factor(d$school)
  for (model in names(forms)) {
    best <- Inf
    spent <- 0
    runs <- 0
    while (runs < 2 || (runs < 30 && spent < 2)) {
      start <- processor_time()
      m <- suppressWarnings(suppressMessages(lmer(forms[[model]], d)))
      seconds <- processor_time() - start
      best <- min(best, seconds)
      spent <- spent + seconds
      runs <- runs + 1
      if (seconds > 10) break
    }
    out[[length(out) + 1]] <- list(case = sub(".csv", "", file), model = model, seconds = best,
                                   criterion = REMLcrit(m))
  }
}
write(toJSON(out, digits = NA, auto_unbox = TRUE), file.path(folder, "lme4.json"))
