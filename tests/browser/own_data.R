# Writes classic tables as CSV into the folder named on the command line, then a file "tables"
# with their names, then lme4's numbers of the model that the page fits to each at first:
# numbers.tsv (table, row of the page, numbers in the order of the page) and <table>.groups.csv.
# Intervals of SDs are profiled by brute force.
suppressMessages(library(lme4))
folder <- commandArgs(TRUE)[1]
lines <- file(file.path(folder, "numbers.tsv"), "w", encoding = "UTF-8")
out <- function(set, row, ...) {
  cat(set, row, paste(sprintf("%.10g", c(...)), collapse = ","), sep = "\t", file = lines)
  cat("\n", file = lines)
}
centred <- function(v) if (all(v %in% 0:1)) v else v - mean(v)
t95 <- function(b, se, df) c(b, b - qt(.975, df) * se, b + qt(.975, df) * se)

prepared <- function(raw, y, g, x, u) {
  d <- data.frame(y = raw[[y]], g = factor(raw[[g]]))
  first <- !duplicated(d$g)
  if (length(x)) d$x <- centred(raw[[x]])
  if (length(u)) {
    v <- raw[[u]]
    if (is.numeric(v) && !all(v %in% 0:1)) v <- v - mean(v[first])
    d$u <- v
  }
  d
}

ends <- function(above, est) {
  low <- if (above(1e-9 * est) < 0) 0 else uniroot(above, c(1e-9, 1) * est, tol = 1e-6 * est)$root
  c(low, uniroot(above, c(1, 3) * est, extendInt = "upX", tol = 1e-6 * est)$root)
}

# Of an SD between groups and one within: the two parts of the criterion at many values of their
# ratio, and splines through them.
profiled <- function(dev, e, nmp, least, sd0, s0) {
  far <- c(seq(-4, -.4, length.out = 25), seq(.4, 2.5, length.out = 15))
  theta <- sort(c(0, sd0 / s0 * exp(c(far, seq(-.36, .36, length.out = 37)))))
  parts <- sapply(theta, function(v) {
    dev(v)
    c(e$pp$ldL2() + e$pp$ldRX2(), e$pp$sqrL(1) + e$resp$wrss())
  })
  log_part <- splinefun(theta, parts[1, ]); rss <- splinefun(theta, parts[2, ])
  crit <- function(t, s) log_part(t) + nmp * log(2 * pi * s^2) + rss(t) / s^2 - least
  best <- function(f, from, to) optimize(f, c(from, to), tol = 1e-9 * to)$objective
  of_a <- ends(function(v) best(function(s) crit(v / s, s), s0 / 3, 3 * s0), sd0)
  of_s <- ends(function(v) best(function(t) crit(t, v), 0, 3 * sd0 / s0), s0)
  at_best <- function(t) crit(t, sqrt(rss(t) / nmp))
  of_t <- ends(at_best, sd0 / s0)
  list(a = of_a, s = of_s, icc = c(sd0^2 / (sd0^2 + s0^2), of_t^2 / (1 + of_t^2)))
}

intervals <- function(m, formula, d) {
  dev <- lmer(formula, d, devFunOnly = TRUE)
  e <- environment(dev)
  nmp <- nrow(d) - length(fixef(m))
  least <- REMLcrit(m) + qchisq(.95, 1)
  crit <- function(theta, s) tryCatch({
    dev(theta)
    e$pp$ldL2() + e$pp$ldRX2() + nmp * log(2 * pi * s^2) + (e$pp$sqrL(1) + e$resp$wrss()) / s^2
  }, error = function(far) 1e9)
  s0 <- sigma(m); sd0 <- attr(VarCorr(m)$g, "stddev"); r0 <- attr(VarCorr(m)$g, "correlation")
  if (length(sd0) == 1) return(profiled(dev, e, nmp, least, sd0, s0))
  at <- function(a, b, r, s) crit(c(a, r * b, b * sqrt(1 - r^2)) / s, s)
  start <- c(log(sd0[1]), log(sd0[2]), atanh(r0[1, 2]), log(s0))
  height <- function(k, v) {
    f <- function(q) {
      p <- append(q, v, k - 1)
      if (any(abs(p - start) > 6)) return(1e9)
      at(exp(p[1]), exp(p[2]), tanh(p[3]), exp(p[4]))
    }
    optim(start[-k], f, method = "BFGS", control = list(reltol = 1e-10))$value - least
  }
  on <- function(k) exp(c(
    uniroot(function(v) height(k, v), c(start[k] - 1.5, start[k]), tol = 1e-5)$root,
    uniroot(function(v) height(k, v), c(start[k], start[k] + 1.5), tol = 1e-5)$root))
  of_r <- sapply(c(-3, 3), function(far) tanh(uniroot(
    function(v) height(3, v), sort(c(start[3], far)), tol = 1e-5)$root))
  list(a = on(1), b = on(2), r = of_r, s = on(4))
}

coefficients_of <- function(set, m, d, names, vary) {
  X <- model.matrix(m); J <- nlevels(d$g); n <- nrow(d); p <- ncol(X)
  o <- lm.fit(X, d$y)
  bread <- solve(crossprod(X))
  meat <- crossprod(rowsum(X * o$residuals, d$g))
  robust <- sqrt(diag(bread %*% meat %*% bread) * J / (J - 1) * (n - 1) / (n - p))
  inner <- colnames(X) == "x"
  outer <- p - sum(inner)
  df <- ifelse(inner & !vary, n - J - sum(inner), J - outer)
  for (k in seq_len(p)) {
    no <- c()
    if (inner[k] && !vary) {
      own <- lm(I(y - ave(y, g)) ~ 0 + I(x - ave(x, g)), d)
      rest <- n - J - 1
      no <- t95(coef(own)[1], summary(own)$coefficients[1, 2] * sqrt(own$df.residual / rest), rest)
    }
    out(set, names[k], t95(o$coefficients[k], robust[k], J - 1), no,
        t95(fixef(m)[k], sqrt(vcov(m)[k, k]), df[k]))
  }
}

groups_of <- function(set, m, d, vary) {
  X <- model.matrix(m); Z <- t(getME(m, "Zt")); L <- getME(m, "Lambda"); J <- nlevels(d$g)
  q <- 1 + vary
  A <- rbind(cbind(crossprod(X), crossprod(X, as.matrix(Z))),
             cbind(crossprod(as.matrix(Z), X), as.matrix(crossprod(Z)) + solve(as.matrix(L %*% t(L)))))
  C <- sigma(m)^2 * solve(A)
  first <- match(levels(d$g), d$g)
  X0 <- X[first, , drop = FALSE]
  X0[, colnames(X0) == "x"] <- 0
  pick <- matrix(0, J, q * J); pick[cbind(1:J, q * (1:J - 1) + 1)] <- 1
  W <- cbind(X0, pick)
  height <- drop(X0 %*% fixef(m)) + ranef(m)$g[, 1]
  if (vary) {
    own <- t(sapply(split(d, d$g), function(s) summary(lm(y ~ x, s))$coefficients[1, 1:2]))
    s2 <- sapply(split(d, d$g), function(s) deviance(lm(y ~ x, s)))
    v <- t(sapply(split(d, d$g), function(s) summary(lm(y ~ x, s))$cov.unscaled[1, 1]))
    own[, 2] <- sqrt(sum(s2) / (nrow(d) - 2 * J) * v)
  } else if (is.null(d$x)) own <- summary(lm(y ~ 0 + g, d))$coefficients[, 1:2]
  else own <- summary(lm(y ~ 0 + g + x, d))$coefficients[1:J, 1:2]
  write.csv(data.frame(group = levels(d$g), own = own[, 1], own_se = own[, 2], height = height,
                       se = sqrt(rowSums((W %*% C) * W))),
            file.path(folder, paste0(set, ".groups.csv")), row.names = FALSE)
}

variation_of <- function(set, m, formula, d, names, vary) {
  found <- intervals(m, formula, d)
  sd <- attr(VarCorr(m)$g, "stddev")
  out(set, if (vary) "SD of the groups' intercepts" else "SD between groups", sd[1], found$a)
  if (vary) {
    out(set, "SD of the slopes of Days", sd[2], found$b)
    out(set, "correlation of intercepts and slopes of Days", attr(VarCorr(m)$g, "correlation")[1, 2], found$r)
  } else out(set, "share between groups (ICC)", found$icc)
  out(set, "SD within groups", sigma(m), found$s)
  if (length(names) == 1) return()
  X <- model.matrix(m)
  vf <- mean((X %*% fixef(m) - mean(X %*% fixef(m)))^2)
  Zd <- if (vary) X else X[, 1, drop = FALSE]
  vg <- mean(rowSums((Zd %*% VarCorr(m)$g) * Zd))
  total <- vf + vg + sigma(m)^2
  empty <- lmer(y ~ 1 + (1 | g), d)
  out(set, "by the predictors (marginal)", vf / total)
  out(set, "by predictors and groups (conditional)", (vf + vg) / total)
  out(set, "of the variance within groups", 1 - sigma(m)^2 / sigma(empty)^2)
  if (!vary) out(set, "of the variance between groups", 1 - sd[1]^2 / VarCorr(empty)$g[1])
}

two_of <- function(set, fixed, d, raw, g, second) {
  d$h <- factor(raw[[second]])
  m <- lmer(paste(fixed, "+ (1 | g) + (1 | h)"), d)
  sd <- c(g = attr(VarCorr(m)$g, "stddev"), h = attr(VarCorr(m)$h, "stddev"), s = sigma(m))
  part <- round(100 * sd^2 / sum(sd^2))
  out(set, paste("between levels of", g), nlevels(d$g), sd[1], part[1])
  out(set, paste("between levels of", second), nlevels(d$h), sd[2], part[2])
  out(set, "within", sd[3], part[3])
}

new_group_of <- function(set, m, d) {
  df <- nlevels(d$g) - 1
  se <- sqrt(vcov(m)[1, 1] + VarCorr(m)$g[1, 1])
  one <- t95(fixef(m)[1], sqrt(se^2 + sigma(m)^2), df)
  out(set, "in a new group", one, t95(fixef(m)[1], se, df)[2:3])
}

read <- function(set) {
  raw <- read.csv(file.path(folder, paste0(set, ".csv")), stringsAsFactors = TRUE)
  if (set == "ChickWeight") raw$Diet <- factor(raw$Diet)
  raw
}

study <- function(set, y, g, x = NULL, u = NULL, uname = u, vary = FALSE, second = NULL,
                  groups = TRUE) {
  if (!file.exists(file.path(folder, paste0(set, ".csv")))) return()
  raw <- read(set)
  d <- prepared(raw, y, g, x, u)
  fixed <- paste("y ~", paste(c("1", names(d)[-(1:2)]), collapse = " + "))
  if (!is.null(second)) two_of(set, fixed, d, raw, g, second)
  formula <- as.formula(paste(fixed, if (vary) "+ (x | g)" else "+ (1 | g)"))
  m <- lmer(formula, d)
  names <- c("intercept", x, uname)
  variation_of(set, m, formula, d, names, vary)
  coefficients_of(set, m, d, names, vary)
  if (set %in% c("sleepstudy", "Orthodont")) new_group_of(set, m, d)
  if (groups) groups_of(set, m, d, vary)
  if (vary) {
    less <- lmer(as.formula(paste(fixed, "+ (1 | g)")), d)
    ratio <- REMLcrit(less) - REMLcrit(m)
    out(set, "kept", ratio)
  }
}

packages <- c(sleepstudy = "lme4", Orthodont = "nlme", Oxboys = "nlme", ChickWeight = "datasets",
  MathAchieve = "nlme", Exam = "mlmRev", Penicillin = "lme4", Pastes = "lme4", egsingle = "mlmRev")
packages <- packages[sapply(packages, requireNamespace, quietly = TRUE)]
for (set in names(packages)) {
  e <- new.env()
  data(list = set, package = packages[[set]], envir = e)
  write.csv(as.data.frame(e[[set]]), file.path(folder, paste0(set, ".csv")), row.names = FALSE)
}
writeLines(names(packages), file.path(folder, "tables.part"))
invisible(file.rename(file.path(folder, "tables.part"), file.path(folder, "tables")))

study("sleepstudy", "Reaction", "Subject", "Days", vary = TRUE)
study("Orthodont", "distance", "Subject", "age", "Sex", "Sex: Male")
study("Oxboys", "height", "Subject", "age")
study("ChickWeight", "weight", "Chick", "Time", "Diet", paste0("Diet: ", 2:4))
study("MathAchieve", "MathAch", "School", "SES", "MEANSES")
study("Exam", "normexam", "school", "standLRT", "schavg")
study("Penicillin", "diameter", "plate", second = "sample", groups = FALSE)
study("Pastes", "strength", "batch", second = "sample")
study("egsingle", "math", "childid", "year", "black", second = "schoolid", groups = FALSE)
close(lines)
