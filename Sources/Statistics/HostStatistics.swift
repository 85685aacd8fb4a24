/// All statistics that this host gathers. Sections 4, 6, 8 and 9 of the plugin header define them.
extension StatisticRegistry {
  public static let host = StatisticRegistry([
    .gradient, .gradientSquare, .inputMean, .inputVariance, .inputFluctuation, .inputNorm, .inputMagnitude,
    .inputGram, .outputGradientGram, .outputFisher, .blockCosine, .removalAngle, .removalNorm, .targetMean,
    .targetProduct, .layerCosine, .layerEuclidean, .layerManhattan, .residualEnergies,
  ])
}

extension Statistic {
  public static let gradient = Statistic(
    "gradient", for: [.criterion], carrier: .matrix, shape: .weight, pass: .backward,
    "sum over mini-batches of the gradient of each one's mean cross-entropy")
  public static let gradientSquare = Statistic(
    "gradient_square", for: [.criterion], carrier: .matrix, shape: .weight, values: .nonNegative,
    pass: .backward,
    "mean over single sequences of the squared gradient of that sequence's mean cross-entropy")

  public static let inputMean = Statistic(
    "input_mean", for: [.criterion, .compensator], carrier: .matrix, shape: .columns, pass: .forward,
    "mean over all tokens of x")
  public static let inputVariance = Statistic(
    "input_variance", for: [.criterion], carrier: .matrix, shape: .columns, values: .nonNegative,
    pass: .forward, "mean over all tokens of (x − mean)²")
  public static let inputFluctuation = Statistic(
    "input_fluctuation", for: [.criterion], carrier: .matrix, shape: .columns, values: .nonNegative,
    pass: .forward, "FLAP's running variance over sequences, exactly as its code computes it")
  public static let inputNorm = Statistic(
    "input_norm", for: [.criterion], carrier: .matrix, shape: .columns, values: .nonNegative, pass: .forward,
    foreignName: "input.norm2", "√(mean over sequences of Σ over their tokens x²): Wanda's ‖x‖₂")
  public static let inputMagnitude = Statistic(
    "input_magnitude", for: [.criterion], carrier: .matrix, shape: .columns, values: .nonNegative,
    pass: .forward, #"√(Σ over sequences of (mean over their tokens \|x\|)²): Minitron's activation"#)
  public static let inputGram = Statistic(
    "input_gram", for: [.criterion, .compensator], carrier: .outputMatrix, shape: .columnsSquared,
    values: .gram, pass: .forward, "mean over all tokens of xᵀ x")

  public static let outputGradientGram = Statistic(
    "output_gradient_gram", for: [.criterion], carrier: .outputMatrix, shape: .rowsSquared, values: .gram,
    pass: .backward,
    "mean over all tokens of gᵀ g, with g the gradient, at the matrix' output, of the sum of the sequence's "
      + "cross-entropies")
  public static let outputFisher = Statistic(
    "output_fisher", for: [.criterion], carrier: .outputMatrix, shape: .rowsSquared, values: .gram,
    pass: .backward,
    "as `output_gradient_gram`, with next tokens drawn from the model's own predictions")

  public static let blockCosine = Statistic(
    "block_cosine", for: [.criterion], carrier: .wholeUnit, shape: .units, values: .nonNegative,
    pass: .forward, "mean over all tokens of cos(before, after)")
  public static let removalAngle = Statistic(
    "removal_angle", for: [.criterion], carrier: .wholeUnit, shape: .units, values: .nonNegative,
    pass: .withoutEachUnit, "mean over all tokens of arccos(cos(z, z′))/π")
  public static let removalNorm = Statistic(
    "removal_norm", for: [.criterion], carrier: .wholeUnit, shape: .units, values: .nonNegative,
    pass: .withoutEachUnit, "mean over sequences of √(Σ over their tokens ‖z − z′‖²)")

  public static let targetMean = Statistic(
    "target_mean", for: [.compensator], carrier: .outputMatrix, shape: .rows, pass: .compensation,
    "mean over all tokens of t")
  public static let targetProduct = Statistic(
    "target_product", for: [.compensator], carrier: .outputMatrix, shape: .weight, pass: .compensation,
    "mean over all tokens of tᵀ x")

  public static let layerCosine = Statistic(
    "layer_cosine", for: [.allocator], carrier: .layer, shape: .number, pass: .forward,
    "sum over mini-batches of the mean over tokens of cos(x, y), with x what enters the layer and y what leaves it"
  )
  public static let layerEuclidean = Statistic(
    "layer_euclidean", for: [.allocator], carrier: .layer, shape: .number, values: .nonNegative,
    pass: .forward, "the same of ‖y − x‖₂")
  public static let layerManhattan = Statistic(
    "layer_manhattan", for: [.allocator], carrier: .layer, shape: .number, values: .nonNegative,
    pass: .forward, "the same of ‖y − x‖₁")

  public static let residualEnergies = Statistic(
    "residual_energies", for: [.transform], carrier: .place, shape: .hidden, values: .nonNegative,
    pass: .slicing,
    "the eigenvalues of the mean over all tokens of xᵀx, with x the residual stream there, the largest first")
}
