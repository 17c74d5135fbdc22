/** The methods of the main job, in the order they are shown. */
export const methodNames = ['adam', 'sam', 'nso'] as const
/** One method of the main job. */
export type MethodName = (typeof methodNames)[number]
/** Methods as a reader knows them. */
export const methodTitles: Readonly<Record<MethodName, string>> = { adam: 'Adam', sam: 'SAM', nso: 'NSO' }

/** One evaluation during training. */
export interface CurvePoint {
  /** Gradient evaluations spent so far. */
  readonly gradients: number
  /** On clean test images, in %. */
  readonly accuracy: number
  /** Mean cross-entropy on the training images and their partly wrong labels, in nats. */
  readonly trainLoss: number
  /** Mean cross-entropy on clean test images, in nats. */
  readonly testLoss: number
}

/** What became of one method. */
export interface MethodResult {
  /** Accuracy on clean test images after the last step, in %. */
  readonly finalAccuracy: number
  /** The highest accuracy of the evenly spread evaluations, in %: chosen on test data, so an upper bound for early stopping. */
  readonly bestAccuracy: number
  /** Loss on the training images and their partly wrong labels after the last step, in nats. */
  readonly trainLoss: number
  /** Loss on clean test images after the last step, in nats. */
  readonly testLoss: number
  /** Trace of the smoothed Hessian of the training loss after the last step; null when the run was ended early. */
  readonly trace: number | null
  /** Standard error of `trace`. */
  readonly traceError: number | null
  /** Median duration of a training step in milliseconds, all its passes included. */
  readonly msPerStep: number
  /** Steps taken. */
  readonly steps: number
  /** Gradient evaluations in a step. */
  readonly passesPerStep: number
  /** Of the training images with a wrong label, those for which the net answers that wrong label, in %. */
  readonly wrongLabelsFitted: number | null
  /** The evaluations in order: before the first step, then evenly spread, the last one at the end. */
  readonly curve: readonly CurvePoint[]
}

/** Several methods trained on the same images, labels, initial weights and batches, at equal gradient evaluations. */
export interface Comparison {
  readonly kind: 'comparison'
  /** Whether every method ran to its end. */
  readonly complete: boolean
  /** `smoke`, `default` or `full`: a smoke run shows that everything works, not what the methods do. */
  readonly size: string
  /** Version of saltflat. */
  readonly version: string
  /** Where it ran: what the times belong to. */
  readonly machine: { readonly processor: string; readonly cores: number; readonly node: string; readonly tfjs: string }
  /** The tfjs backend, `tfjs-node` or `wasm`. */
  readonly backend: string
  /** Where the images come from. */
  readonly data: string
  /** Training images. */
  readonly images: number
  /** Clean test images. */
  readonly testImages: number
  /** Training images whose label is wrong. */
  readonly wrongLabels: number
  /** Gradient evaluations each method was given. */
  readonly gradientEvaluations: number
  /** Wall-clock time of the whole run. */
  readonly seconds: number
  readonly seed: number
  readonly sigma: number
  readonly rho: number
  readonly learningRate: number
  readonly batchSize: number
  readonly labelNoise: number
  /** Noise pairs and training images the traces are measured with. */
  readonly tracePairs: number
  readonly traceImages: number
  /** Methods that computed at the same time; all of them took turns. */
  readonly lanes: number
  /** The command that gives this result again. */
  readonly command: string
  /** Only the methods that took at least one step. */
  readonly methods: Readonly<Partial<Record<MethodName, MethodResult>>>
}

/** The methods of a result with their names, in the order they are shown. */
export function methodsOf(
  result: Comparison,
): (MethodResult & { readonly name: MethodName; readonly title: string })[] {
  return methodNames.flatMap((name) => {
    const method = result.methods[name]
    return method ? [{ ...method, name, title: methodTitles[name] }] : []
  })
}
