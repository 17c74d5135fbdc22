import { type Comparison, type CurvePoint, methodsOf } from './comparison.ts'
import { findings, noisePoints } from './findings.ts'
import { errorChart, lineChart, palette } from './plot.ts'
import { count, decimal, percent, withError } from './text.ts'
import type { Chart, Plottable, Table } from './types.ts'

/** A comparison of methods as text and pictures. */
export function comparisonView(result: Comparison): Plottable {
  return {
    title: `Adam, SAM and NSO on partly wrong labels${result.complete ? '' : ' (partial)'}`,
    subject:
      `The same small net trained three ways at equal gradient cost on ${count(result.images)} images, ` +
      `${count(result.wrongLabels)} of them wrongly labelled; judged on ${count(result.testImages)} with true labels.`,
    summary: findings(result),
    charts: charts(result),
    table: table(result),
    settings: settings(result),
    command: result.command,
    notes: notes(result),
    rows: rows(result),
    data: result,
  }
}

function charts(result: Comparison): Chart[] {
  const methods = methodsOf(result).map((method, index) => ({
    ...method,
    ...palette[index % palette.length]!,
    name: method.title,
  }))
  const curves = (value: (point: CurvePoint) => number, y: string) =>
    lineChart({
      series: methods.map((method) => ({
        ...method,
        points: method.curve.map((point) => ({ x: point.gradients, y: value(point) })),
      })),
      x: 'gradient evaluations',
      y,
      end: result.gradientEvaluations,
    })
  const measured = methods.flatMap(({ trace, traceError, ...method }) =>
    trace === null ? [] : [{ ...method, value: trace, error: traceError ?? 0, text: withError(trace, traceError) }],
  )
  const noisy = `${percent(100 * result.labelNoise, 0)} of the labels redrawn`
  const trace = {
    title: 'Flatness of the minimum found',
    caption: `trace of the smoothed Hessian ± standard error: smaller is flatter`,
    spec: errorChart({ series: measured, x: `smoothed trace at sigma ${result.sigma}` }),
  }
  return [
    {
      title: 'Accuracy on clean test images',
      caption: `${count(result.testImages)} images never trained on, with their true labels: higher is better`,
      spec: curves(({ accuracy }) => accuracy, 'accuracy, %'),
    },
    ...(measured.length > 0 ? [trace] : []),
    {
      title: 'Loss on the training labels',
      caption: `${noisy}: close to 0 means that wrong labels were learnt`,
      spec: curves(({ trainLoss }) => trainLoss, 'cross-entropy, nats'),
    },
    {
      title: 'Loss on clean test images',
      caption: 'lower is better; it grows where a net is sure of wrong answers',
      spec: curves(({ testLoss }) => testLoss, 'cross-entropy, nats'),
    },
  ]
}

function table(result: Comparison): Table {
  return {
    columns: [
      '',
      'test accuracy at the end',
      'best of ten',
      'train loss',
      'test loss',
      'smoothed trace',
      'ms a step',
      'steps',
    ],
    rows: methodsOf(result).map((method) => [
      method.title,
      percent(method.finalAccuracy),
      percent(method.bestAccuracy),
      decimal(method.trainLoss, 3),
      decimal(method.testLoss, 3),
      withError(method.trace, method.traceError),
      decimal(method.msPerStep, 1),
      count(method.steps),
    ]),
  }
}

function settings(result: Comparison): [string, string][] {
  return [
    ['Data', `${result.data}: ${count(result.images)} training images, ${count(result.testImages)} clean test images`],
    [
      'Label noise',
      `each training label redrawn from all ten classes with probability ${result.labelNoise}: ${count(result.wrongLabels)} of ${count(result.images)} are wrong`,
    ],
    ['Net', 'convolutions 3×3×8 and 3×3×16 with 2×2 max pooling, dense 64, dense 10: 52,138 parameters'],
    [
      'Cost',
      `${count(result.gradientEvaluations)} gradient evaluations a method; SAM and NSO spend two a step and take half as many steps`,
    ],
    [
      'Optimizer',
      `Adam, learning rate ${result.learningRate} falling to 0 as a half cosine over a method's own steps, batch ${result.batchSize}`,
    ],
    ['SAM', `rho ${result.rho}`],
    ['NSO', `sigma ${result.sigma}, one pair of perturbations a step`],
    [
      'Trace',
      `after training, ${count(result.tracePairs)} noise pairs at sigma ${result.sigma} on ${count(result.traceImages)} training images, the same for every method, not counted as gradients`,
    ],
    ['Seed', String(result.seed)],
    [
      'Backend',
      `${result.backend}, the methods in turns, ${result.lanes} at a time; ${decimal(result.seconds, 0)} s in all`,
    ],
    ['Version', `saltflat ${result.version}`],
  ]
}

function notes(result: Comparison): string[] {
  const beside = result.lanes === 1 ? '' : `, ${result.lanes} at a time`
  return [
    `One seed: read accuracy differences below about ${noisePoints} points as noise. Every method starts from the same weights and sees the same images, wrong labels and order of batches.`,
    '“Best of ten” picks one of ten evenly spread evaluations by its test accuracy, so it is an upper bound of what early stopping can reach.',
    `ms a step is the median and covers all passes of a step: two gradients for SAM and NSO, one for Adam. The methods take turns step by step${beside}, so that other load slows all of them alike.`,
  ]
}

function rows(result: Comparison): Table {
  return {
    columns: ['method', 'gradients', 'accuracy', 'trainLoss', 'testLoss'],
    rows: methodsOf(result).flatMap(({ name, curve }) =>
      curve.map(({ gradients, accuracy, trainLoss, testLoss }) => [name, gradients, accuracy, trainLoss, testLoss]),
    ),
  }
}
