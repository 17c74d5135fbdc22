import type { Claim, Goal, Group } from './question.ts'
import { paired, type Summary, summary } from './statistics.ts'

/** One line of a result: a contestant's figure, or a claim about two of them. */
export interface Row {
  readonly question: string
  readonly what: string
  readonly contestant: string
  readonly value: number
  readonly unit: string
  /** Quartiles of `value` over the rounds. */
  readonly spread: readonly [number, number]
  readonly rounds: number
  /** For claims: times faster than the other, or times its cost; null for a plain figure. */
  readonly ratio: number | null
  readonly ratioSpread: readonly [number, number] | null
  /** The other one of a claim. */
  readonly against: string | null
  readonly meaning: Claim['as'] | null
  readonly goal: string | null
  readonly met: boolean | null
  /** Whether the README shows it. */
  readonly headline: boolean
}

/** Rows of a group: one for each contestant that took part, then one for each claim whose two sides did. */
export function rowsOf(question: string, group: Group, measured: ReadonlyMap<string, readonly number[]>): Row[] {
  const taking = group.contestants.filter(({ name }) => measured.has(name))
  const scaled = new Map(taking.map(({ name, scale }) => [name, measured.get(name)!.map((value) => value / scale)]))
  const units = new Map(taking.map(({ name, unit }) => [name, unit]))
  const row = (contestant: string, own: Summary, unit: string) => ({
    ...{ question, what: group.what, contestant, value: own.value, unit },
    ...{ spread: [own.low, own.high] as const, rounds: scaled.get(contestant)?.length ?? group.rounds },
  })
  const figures = taking.map(({ name, unit, goal }): Row => {
    const own = summary(scaled.get(name)!)
    const none = { ratio: null, ratioSpread: null, against: null, meaning: null }
    return { ...row(name, own, unit), ...none, ...judged(own.value, goal), headline: false }
  })
  const claims = group.claims.flatMap(({ contestant, against, as, goal, headline = false }): Row[] => {
    const [a, b] = [scaled.get(contestant), scaled.get(against)]
    if (a === undefined || b === undefined) return []
    const unit = units.get(contestant)!
    const said = { against, meaning: as, headline }
    if (as === 'beyond') {
      const difference = paired(a, b, (one, other) => one - other)
      const none = { ratio: null, ratioSpread: null }
      return [{ ...row(contestant, difference, unit), ...none, ...said, ...judged(difference.value, goal) }]
    }
    const ratio = paired(a, b, (one, other) => (as === 'faster' ? other / one : one / other))
    return [
      {
        ...row(contestant, summary(a), unit),
        ...{ ratio: ratio.value, ratioSpread: [ratio.low, ratio.high] as const },
        ...{ ...said, ...judged(ratio.value, goal) },
      },
    ]
  })
  return [...figures, ...claims]
}

function judged(value: number, goal: Goal | undefined): Pick<Row, 'goal' | 'met'> {
  if (goal === undefined) return { goal: null, met: null }
  if ('atMost' in goal) return { goal: `≤ ${goal.atMost}`, met: value <= goal.atMost }
  return { goal: `≥ ${goal.atLeast}`, met: value >= goal.atLeast }
}
