import type { Comparison, MethodResult } from '../../src/report/comparison.ts'

/** A made-up comparison with the shape of a real one: Adam falls, NSO stays; `changes` overrides any field. */
export function comparison(changes: Partial<Comparison> = {}): Comparison {
  return {
    kind: 'comparison',
    complete: true,
    size: 'default',
    version: '1.2.3',
    machine: { processor: 'a processor', cores: 2, node: '20.0.0', tfjs: '4.22.0' },
    backend: 'wasm',
    data: 'digits <"&">',
    images: 300,
    testImages: 4000,
    wrongLabels: 108,
    gradientEvaluations: 1200,
    seconds: 181.4,
    seed: 7,
    sigma: 0.08,
    rho: 0.2,
    learningRate: 0.001,
    batchSize: 64,
    labelNoise: 0.4,
    tracePairs: 20,
    traceImages: 300,
    lanes: 2,
    command: 'npm start -- --seed 7',
    methods: {
      adam: method(55.4, 74.5, 1151.3, 64.2, 98.1),
      sam: method(74.1, 77, 98.2, 5.1, 20),
      nso: method(76.8, 76.8, 37.04, 2.13, 9.3),
    },
    ...changes,
  }
}

/** One method's result with a curve that passes through its best. */
export function method(end: number, best: number, trace: number, error: number, fitted: number): MethodResult {
  const curve = [15, best, (best + end) / 2, end].map((accuracy, index) => ({
    gradients: 400 * index,
    accuracy,
    trainLoss: 2.3 / (1 + index),
    testLoss: 2.3 - accuracy / 50,
  }))
  return {
    finalAccuracy: end,
    bestAccuracy: best,
    trainLoss: 2.3 / 4,
    testLoss: 2.3 - end / 50,
    trace,
    traceError: error,
    msPerStep: 43.21,
    steps: 1200,
    passesPerStep: 1,
    wrongLabelsFitted: fitted,
    curve,
  }
}
