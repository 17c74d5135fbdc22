import { invalid, number } from '../options.ts'
import { checked, checkOperator, type Operator } from './operator.ts'

/**
 * A + B + …, of operators of one size: the Hessian of a sum of losses. A product costs one of each; blocks are the first's.
 *
 * Throws ERR_INVALID_ARGUMENT without operators, or where sizes or blocks differ.
 *
 * @example
 * const damped = addOperators(hessian(model, x, y), fromMatvec(variables.reduce((n, w) => n + w.size, 0), (v) => v.slice()))
 */
export function addOperators(...operators: readonly Operator[]): Operator {
  const [first] = operators
  for (const one of operators) checkOperator(one)
  if (first === undefined) throw invalid('at least one operator', operators)
  const { size } = first
  const wrong = operators.find((one) => one.size !== size)
  if (wrong !== undefined) throw invalid(`operators of one size, ${size} as the first`, wrong.size)
  const layout = (one: Operator) => JSON.stringify(one.blocks?.map((block) => block.size))
  const known = operators.filter(({ blocks }) => blocks !== undefined)
  if (known.some((one) => layout(one) !== layout(known[0]!))) throw invalid('operators with the same blocks', operators)
  return {
    size,
    ...(known.length === 0 ? {} : { blocks: known[0]!.blocks! }),
    get passes() {
      return operators.reduce((sum, { passes }) => sum + passes, 0)
    },
    block: (i) => addOperators(...operators.map((one) => blockOf(one, i, known[0]?.blocks))),
    async matvec(v) {
      const sum = new Float64Array(size)
      for (const one of operators) {
        const product = checked(await one.matvec(v), size)
        for (let i = 0; i < size; i++) sum[i]! += product[i]!
      }
      return Float32Array.from(sum)
    },
  }
}

/**
 * c·A, c finite. Blocks and cost are those of A. Throws ERR_INVALID_ARGUMENT.
 *
 * @example
 * const { values } = await topEigenvalues(scaleOperator(hessian(model, x, y), 0.5))
 */
export function scaleOperator(operator: Operator, factor: number): Operator {
  checkOperator(operator)
  number('factor', factor, {})
  return mapped(
    operator,
    (product) => product.map((value) => factor * value),
    (one) => scaleOperator(one, factor),
  )
}

/**
 * A + μI, μ finite: every eigenvalue is μ larger; with μ > 0 damping, or weight decay of ½μ‖W‖². Blocks and cost are those
 * of A. Throws ERR_INVALID_ARGUMENT.
 *
 * @example
 * const { values } = await topEigenvalues(shiftOperator(hessian(model, x, y), 0.01))
 */
export function shiftOperator(operator: Operator, mu: number): Operator {
  checkOperator(operator)
  number('mu', mu, {})
  return mapped(
    operator,
    (product, v) => product.map((value, i) => value + mu * v[i]!),
    (one) => shiftOperator(one, mu),
  )
}

/**
 * The diagonal blocks of an operator, one a variable, as operators of their own: the curvature of each layer alone.
 *
 * Of a Hessian, `gaussNewton` or `fisher` each is taken in its own variable, and costs less than a product with all of
 * them; of another operator it costs one of its products. An operator without blocks is its own only one.
 *
 * @example
 * for (const block of blocksOf(hessian(model, x, y))) console.log(block.blocks![0]!.name, (await topEigenvalues(block)).values)
 */
export function blocksOf(operator: Operator): Operator[] {
  checkOperator(operator)
  const { blocks } = operator
  return blocks === undefined
    ? [operator]
    : blocks.flatMap(({ size }, i) => (size === 0 ? [] : [blockOf(operator, i, blocks)]))
}

function mapped(
  operator: Operator,
  map: (product: Float32Array, v: Float32Array) => Float32Array,
  again: (block: Operator) => Operator,
): Operator {
  const { size, blocks } = operator
  return {
    size,
    ...(blocks === undefined ? {} : { blocks }),
    get passes() {
      return operator.passes
    },
    block: (i) => again(blockOf(operator, i, blocks)),
    matvec: async (v) => map(checked(await operator.matvec(v), size), v),
  }
}

/** A diagonal block by the operator's own way, or by the product with a vector that is 0 outside of it. */
function blockOf(operator: Operator, index: number, blocks: Operator['blocks']): Operator {
  if (operator.block !== undefined && operator.blocks !== undefined) return operator.block(index)
  if (blocks === undefined) return operator
  const { size } = blocks[index]!
  const start = blocks.slice(0, index).reduce((sum, one) => sum + one.size, 0)
  return {
    size,
    blocks: [blocks[index]!],
    get passes() {
      return operator.passes
    },
    async matvec(v) {
      const padded = new Float32Array(operator.size)
      padded.set(v, start)
      return checked(await operator.matvec(padded), operator.size).slice(start, start + size)
    },
  }
}
