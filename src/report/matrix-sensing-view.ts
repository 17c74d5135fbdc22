import {
  type MatrixSensing,
  type SensingMethod,
  type SensingPoint,
  type SensingResult,
  sensingMethods,
  sensingTitles,
} from './matrix-sensing.ts'
import { lineChart, palette } from './plot.ts'
import { count, decimal, significant } from './text.ts'
import type { Chart, Plottable, Table } from './types.ts'

/** Matrix sensing as text and pictures. */
export function matrixSensingView(result: MatrixSensing): Plottable {
  const { dimension: d, rank, measurements } = result
  return {
    title: `Matrix sensing: GD, one-sided noise and NSO${result.complete ? '' : ' (partial)'}`,
    subject:
      `A ${d}×${d} matrix X of rank ${rank} from ${count(measurements)} linear measurements, as UUᵀ with U of ${d}×${d}: far more ` +
      'unknowns than measurements. The same start and steps for all; judged on as many other measurements.',
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

function methodsOf(
  result: MatrixSensing,
): (SensingResult & { readonly method: SensingMethod; readonly name: string })[] {
  return sensingMethods.flatMap((method) => {
    const one = result[method]
    return one ? [{ ...one, method, name: sensingTitles[method] }] : []
  })
}

/** What the figures show, whichever way they point. */
function findings(result: MatrixSensing): string[] {
  const { gd, oneSided, nso } = result
  if (!result.complete || !gd || !oneSided || !nso) {
    const taken = methodsOf(result).map(({ name, steps }) => `${name} ${count(steps)}`)
    if (taken.length === 0) return ['Partial: the run was ended before any method took a step.']
    return [
      `Partial: the run was ended early. Of ${count(result.steps)} steps each, these were taken: ${taken.join(', ')}.`,
    ]
  }
  if (result.smoke) return ['This smoke run shows that everything works; it is too small to compare the methods.']
  const fitted =
    gd.validation > 0.1 && gd.trainMse < 0.01
      ? `Plain gradient descent fits its measurements to ${significant(gd.trainMse)} and has not found X: its error on others is ${significant(gd.validation)}.`
      : `Plain gradient descent ends with an error of ${significant(gd.validation)} on measurements it has not seen.`
  const sizes = `the nuclear norm of UUᵀ is ${decimal(nso.size, 3)} times that of X for NSO, and ${decimal(gd.size, 2)} times for plain gradient descent`
  return [
    fitted,
    `NSO's error is ${significant(nso.validation)}, ${beside(nso.validation, oneSided.validation)}; its matrix is ${significant(nso.distance)} of ‖X‖ away from X.`,
    nso.size < 0.9 * gd.size
      ? `Noise finds a flatter solution, and here the flat solution is the small one: ${sizes}.`
      : `Noise finds no flatter solution here: ${sizes}.`,
  ]
}

function beside(nso: number, oneSided: number): string {
  const factor = Math.max(nso / oneSided, oneSided / nso)
  if (factor < 1.05) return `as much as that of one-sided noise (${significant(oneSided)})`
  return `${decimal(factor, 1)} times ${nso < oneSided ? 'less' : 'more'} than that of one-sided noise (${significant(oneSided)})`
}

function charts(result: MatrixSensing): Chart[] {
  const methods = methodsOf(result).map((method) => ({ ...method, ...styles[method.method] }))
  const curves = (value: (point: SensingPoint) => number, y: string) =>
    lineChart({
      series: methods.map((method) => ({
        ...method,
        points: method.curve.map((point) => ({ x: point.step, y: value(point) })),
      })),
      x: 'steps',
      y,
      end: result.steps,
      log: true,
      every: 10,
    })
  return [
    {
      title: 'Error on other measurements',
      caption: 'measurements not trained on: lower is better',
      spec: curves(({ validation }) => validation, 'mean r² / mean y²'),
    },
    {
      title: 'Distance from the true matrix',
      caption: 'what the measurements stand for: lower is better',
      spec: curves(({ distance }) => distance, '‖UUᵀ − X‖ / ‖X‖'),
    },
    {
      title: 'Error on the training measurements',
      caption: 'what is minimized: the lowest is not the best',
      spec: curves(({ trainMse }) => trainMse, 'mean r² / mean y²'),
    },
    {
      title: 'Size of the solution',
      caption: `1 is that of X; the Hessian's trace at a minimum is about ${result.dimension + 1}·‖U‖²`,
      spec: curves(({ size }) => size, '‖U‖² / nuclear norm of X'),
    },
  ]
}

/** NSO in the colour that it has in every report. */
const styles = { gd: palette[0]!, oneSided: palette[1]!, nso: palette[2]! } as const

function table(result: MatrixSensing): Table {
  return {
    columns: ['', 'validation error', 'distance', 'training error', 'size', 'gradients', 'ms a step'],
    rows: methodsOf(result).map((method) => [
      method.name,
      significant(method.validation),
      significant(method.distance),
      significant(method.trainMse),
      decimal(method.size, 3),
      count(method.steps * method.passesPerStep),
      decimal(method.msPerStep, 1),
    ]),
  }
}

function settings(result: MatrixSensing): [string, string][] {
  const { dimension: d, rank, measurements: m, machine } = result
  return [
    ['Matrix', `X = U*U*ᵀ of ${d}×${d}, U* of ${d}×${rank} standard gaussian`],
    [
      'Measurements',
      `${count(m)} to train on and ${count(m)} for validation, yᵢ = ⟨Aᵢ, X⟩ without noise, Aᵢ = (G + Gᵀ)/2 with G standard gaussian`,
    ],
    ['Loss', '(1/4m)·Σ (⟨Aᵢ, UUᵀ⟩ − yᵢ)², all measurements in every gradient'],
    ['Start', `U of ${d}×${d}, standard gaussian, the same for every method`],
    ['Base', `plain gradient descent, learning rate ${result.learningRate}, ${count(result.steps)} steps`],
    ['Noise', `gaussian, sigma ${result.sigma}; one-sided noise one draw a step, NSO one pair`],
    ['Seed', String(result.seed)],
    ['Backend', `${result.backend}; ${decimal(result.seconds, 0)} s in all`],
    ['Machine', `${machine.processor.trim()}, ${machine.cores} cores, Node ${machine.node}, tfjs ${machine.tfjs}`],
    ['Version', `saltflat ${result.version}`],
  ]
}

function notes(result: MatrixSensing): string[] {
  return [
    'The configuration is that of the matrix-sensing figure of arXiv 2306.08553.',
    'Steps are equal, cost is not: a step of NSO takes two gradients, one of the others takes one.',
    `Constant learning rate and noise: the two noisy curves end on a level that ${result.sigma} of noise leaves, not at an optimum.`,
  ]
}

function rows(result: MatrixSensing): Table {
  return {
    columns: ['method', 'step', 'validation', 'distance', 'trainMse', 'size'],
    rows: methodsOf(result).flatMap(({ method, curve }) =>
      curve.map(({ step, validation, distance, trainMse, size }) => [
        method,
        step,
        validation,
        distance,
        trainMse,
        size,
      ]),
    ),
  }
}
