import type { Comparison, MethodResult } from './comparison.ts'
import { methodsOf } from './comparison.ts'
import { count, decimal, percent, withError } from './text.ts'

/** Accuracy differences below this many points are what another seed may give as well. */
export const noisePoints = 1.5

/** What a comparison shows, in plain sentences made from its figures, whichever way they point. */
export function findings(result: Comparison): string[] {
  if (!result.complete) return [partial(result)]
  if (result.size === 'smoke') {
    return ['This smoke run shows that everything works; it is far too short to compare the methods.']
  }
  const { adam, nso } = result.methods
  const sentences: string[] = []
  if (adam) sentences.push(memorised(result, adam))
  if (nso) sentences.push(...ranking(result, nso))
  if (adam && nso) sentences.push(...flatness(adam, nso, result.sigma))
  return sentences
}

function memorised({ wrongLabels }: Comparison, adam: MethodResult): string {
  const { bestAccuracy, finalAccuracy, wrongLabelsFitted } = adam
  const learnt =
    wrongLabelsFitted === null
      ? 'there are none'
      : `it repeats ${percent(wrongLabelsFitted, 0)} of the ${count(wrongLabels)} in its training set`
  const path = `${percent(bestAccuracy)} at its best and ${percent(finalAccuracy)} at the end`
  if ((wrongLabelsFitted ?? 0) < 50) {
    return `Adam has not fitted the wrong labels (${learnt}); its accuracy on clean test images is ${path}.`
  }
  if (bestAccuracy - finalAccuracy < noisePoints) {
    return `Adam fitted the wrong labels (${learnt}) and yet lost little by it on clean test images: ${path}.`
  }
  return `Adam fitted the wrong labels: ${learnt}, and its accuracy on clean test images fell from ${percent(bestAccuracy)} at its best to ${percent(finalAccuracy)} at the end.`
}

/** Where NSO ends beside the others, and beside Adam had it been stopped in time. */
function ranking({ methods: { adam, sam } }: Comparison, nso: MethodResult): string[] {
  const end = nso.finalAccuracy
  const others = [adam && beside(end, 'Adam', adam.finalAccuracy), sam && beside(end, 'SAM', sam.finalAccuracy)].filter(
    Boolean,
  )
  if (others.length === 0) return []
  const sentences = [`At equal gradient cost NSO ends at ${percent(end)}: ${others.join(', ')}.`]
  if (adam && adam.bestAccuracy - adam.finalAccuracy >= noisePoints) {
    const stopped = beside(end, 'Adam stopped at its best', adam.bestAccuracy)
    sentences.push(`It is ${stopped}, a moment that only clean labels can tell.`)
  }
  return sentences
}

/** `24.8 points ahead of Adam (59.4 %)`, level with it as far as one seed can tell, or behind. */
function beside(value: number, other: string, otherValue: number): string {
  const points = value - otherValue
  if (Math.abs(points) < noisePoints) return `level with ${other} (${percent(otherValue)}), as far as one seed can tell`
  return `${decimal(Math.abs(points), 1)} points ${points > 0 ? 'ahead of' : 'behind'} ${other} (${percent(otherValue)})`
}

function flatness(adam: MethodResult, nso: MethodResult, sigma: number): string[] {
  if (adam.trace === null || nso.trace === null) return []
  const values = `smoothed trace ${withError(nso.trace, nso.traceError)} against ${withError(adam.trace, adam.traceError)} at sigma ${sigma}`
  const gap = Math.abs(adam.trace - nso.trace)
  if (gap < 2 * Math.hypot(adam.traceError ?? 0, nso.traceError ?? 0)) {
    return [`How flat NSO's and Adam's minima are cannot be told apart: ${values}.`]
  }
  const [word, large, small] =
    adam.trace > nso.trace ? ['flatter', adam.trace, nso.trace] : ['sharper', nso.trace, adam.trace]
  const times = small > 0 && large / small >= 1.1 ? `${decimal(large / small, large / small < 10 ? 1 : 0)} times ` : ''
  return [`NSO's minimum is ${times}${word} than Adam's: ${values}.`]
}

function partial(result: Comparison): string {
  const spent = methodsOf(result).map(({ title, curve }) => `${title} ${count(curve.at(-1)?.gradients ?? 0)}`)
  if (spent.length === 0) return 'Partial: the run was ended before any method took a step.'
  return `Partial: the run was ended early, so the methods cannot be compared. Of ${count(result.gradientEvaluations)} gradient evaluations each, they spent: ${spent.join(', ')}.`
}
