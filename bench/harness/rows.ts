import type { Claim, Goal, Group, Statistic } from './question.ts'
import { paired, type Round, type Summary, summary } from './statistics.ts'

/** One line of a result: a contestant's figure, or a claim about two of them. */
export interface Row {
  readonly question: string
  readonly what: string
  readonly contestant: string
  /** The median of the rounds. */
  readonly value: number
  /**
   * The least sample of any round; where a work gives one value a round, the least of these. Null where `value` is a
   * difference. In results of questions without a goal for it that were saved before commit b33ddb5 it is the least of the
   * rounds' medians, and in older ones absent.
   */
  readonly least?: number | null
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
  /** What is held against the goal. Absent as `least` is. */
  readonly by?: Statistic
  readonly met: boolean | null
  /** Whether the README shows it. */
  readonly headline: boolean
}

/** Rows of a group: one for each contestant that took part, then one for each claim whose two sides did. */
export function rowsOf(question: string, group: Group, measured: ReadonlyMap<string, readonly Round[]>): Row[] {
  const taking = group.contestants.filter(({ name }) => measured.has(name))
  const scaled = new Map(taking.map(({ name, scale }) => [name, measured.get(name)!.map(({ value }) => value / scale)]))
  const leasts = new Map(
    taking.map(({ name, scale }) => [name, Math.min(...measured.get(name)!.map(({ least }) => least / scale))]),
  )
  const units = new Map(taking.map(({ name, unit }) => [name, unit]))
  const row = (contestant: string, own: Summary, unit: string) => ({
    ...{ question, what: group.what, contestant, value: own.value, least: leasts.get(contestant)!, unit },
    ...{ spread: [own.low, own.high] as const, rounds: scaled.get(contestant)?.length ?? group.rounds },
  })
  const figures = taking.map(({ name, unit, goal, by = 'median' }): Row => {
    const own = summary(scaled.get(name)!)
    const none = { ratio: null, ratioSpread: null, against: null, meaning: null }
    const figure = by === 'least' ? leasts.get(name)! : own.value
    return { ...row(name, own, unit), ...none, ...judged(figure, goal), by, headline: false }
  })
  const claims = group.claims.flatMap(({ contestant, against, as, goal, headline = false, by = 'median' }): Row[] => {
    const [a, b] = [scaled.get(contestant), scaled.get(against)]
    if (a === undefined || b === undefined) return []
    const unit = units.get(contestant)!
    const said = { against, meaning: as, headline, by }
    if (as === 'beyond') {
      const difference = paired(a, b, (one, other) => one - other)
      const none = { ratio: null, ratioSpread: null }
      return [
        { ...row(contestant, difference, unit), least: null, ...none, ...said, ...judged(difference.value, goal) },
      ]
    }
    const of = (one: number, other: number) => (as === 'faster' ? other / one : one / other)
    const { low, high, value } = paired(a, b, of)
    const ratio = by === 'least' ? of(leasts.get(contestant)!, leasts.get(against)!) : value
    return [
      {
        ...row(contestant, summary(a), unit),
        ...{ ratio, ratioSpread: [low, high] as const },
        ...{ ...said, ...judged(ratio, goal) },
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
