/** How well rows of ten class probabilities fit labels. */
export interface Score {
  /** Images whose likeliest class is the label, in %. */
  readonly accuracy: number
  /** Mean cross-entropy in nats, probabilities clipped to [1e-7, 1 − 1e-7] as tfjs does in training. */
  readonly loss: number
}

const classes = 10
const clip = 1e-7

/** Accuracy and loss of `probabilities` (rows of ten) against `labels`, summed in double precision. */
export function score(probabilities: Float32Array, labels: Uint8Array): Score {
  let hits = 0
  let loss = 0
  for (const [row, label] of labels.entries()) {
    if (likeliest(probabilities, row) === label) hits++
    loss -= Math.log(Math.min(Math.max(probabilities[row * classes + label]!, clip), 1 - clip))
  }
  return { accuracy: (100 * hits) / labels.length, loss: loss / labels.length }
}

/** Of the images whose label is wrong, those the net gives that wrong label, in %; null when no label is wrong. */
export function wrongLabelsFitted(
  probabilities: Float32Array,
  labels: Uint8Array,
  trueLabels: Uint8Array,
): number | null {
  const wrong = [...labels.keys()].filter((row) => labels[row] !== trueLabels[row])
  const fitted = wrong.filter((row) => likeliest(probabilities, row) === labels[row])
  return wrong.length === 0 ? null : (100 * fitted.length) / wrong.length
}

function likeliest(probabilities: Float32Array, row: number): number {
  let best = 0
  for (let index = 1; index < classes; index++) {
    if (probabilities[row * classes + index]! > probabilities[row * classes + best]!) best = index
  }
  return best
}
