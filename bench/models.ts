import * as tf from '@tensorflow/tfjs'

/** A model as its variables and a loss on one fixed batch: plain operations, so that nothing but tfjs kernels is in it. */
export interface Model {
  readonly variables: tf.Variable[]
  readonly loss: () => tf.Scalar
  /** Parameters. */
  readonly size: number
}

/** Fully connected with ReLU and softmax cross-entropy on random data. */
export function mlp(widths: readonly number[], batch: number): Model {
  const layers = widths.slice(1).map((units, i) => dense(widths[i]!, units, i))
  const variables = layers.flatMap(({ kernel, bias }) => [kernel, bias])
  return made(variables, [batch, widths[0]!], widths.at(-1)!, (x) =>
    layers.reduce((h, layer, i) => {
      const z = layer.on(h)
      return i < layers.length - 1 ? tf.relu(z) : z
    }, x),
  )
}

/** Two convolutions of 3×3 with pooling, two dense layers, on images of 28×28: 106k parameters. */
export function convNet(batch: number): Model {
  const filters = [kernel([3, 3, 1, 16], 9, 0), kernel([3, 3, 16, 32], 144, 1)]
  const biases = [16, 32].map((length) => variable(() => tf.zeros([length])))
  const [hidden, output] = [dense(7 * 7 * 32, 64, 2), dense(64, 10, 3)]
  const rest = [hidden, output].flatMap(({ kernel, bias }) => [kernel, bias])
  const variables = [...filters.flatMap((filter, i) => [filter, biases[i]!]), ...rest]
  return made(variables, [batch, 28, 28, 1], 10, (x) => {
    let h = x as tf.Tensor4D
    for (const [i, filter] of filters.entries()) {
      h = tf.relu(tf.add(tf.conv2d(h, filter as tf.Tensor as tf.Tensor4D, 1, 'same'), biases[i]!))
      h = tf.maxPool(h, 2, 2, 'valid')
    }
    return output.on(tf.relu(hidden.on(tf.reshape(h, [batch, -1]))))
  })
}

function made(variables: tf.Variable[], input: number[], classes: number, logits: (x: tf.Tensor) => tf.Tensor): Model {
  const x = tf.randomNormal(input, 0, 1, 'float32', 1)
  const labels = Array.from({ length: input[0]! }, (_, i) => (i * 7) % classes)
  const y = tf.tidy(() => tf.oneHot(labels, classes).toFloat())
  return {
    variables,
    loss: () => tf.losses.softmaxCrossEntropy(y, logits(x)) as tf.Scalar,
    size: variables.reduce((sum, { size }) => sum + size, 0),
  }
}

interface Dense {
  readonly kernel: tf.Variable
  readonly bias: tf.Variable
  on(x: tf.Tensor): tf.Tensor
}

function dense(inputs: number, units: number, seed: number): Dense {
  const [weights, bias] = [kernel([inputs, units], inputs, seed), variable(() => tf.zeros([units]))]
  const on = (x: tf.Tensor) => tf.add(tf.matMul(x as tf.Tensor2D, weights as tf.Tensor as tf.Tensor2D), bias)
  return { kernel: weights, bias, on }
}

/** He's initialisation; the seed counts from 1, because tfjs takes 0 for none. */
function kernel(shape: number[], inputs: number, seed: number): tf.Variable {
  return variable(() => tf.randomNormal(shape, 0, Math.sqrt(2 / inputs), 'float32', seed + 1))
}

function variable(initial: () => tf.Tensor): tf.Variable {
  return tf.tidy(() => tf.variable(initial()))
}
