import { Hosts } from './hosts.ts'
import type { Contestant, Goal, Group, Question, Setting } from './question.ts'
import { interleave } from './rounds.ts'
import { type Row, rowsOf } from './rows.ts'
import type { Round } from './statistics.ts'

/** A contestant that could not take part, and why. */
export interface Skipped {
  readonly what: string
  readonly contestant: string
  readonly why: string
}

/** The answer to one question. */
export interface Answer {
  readonly rows: Row[]
  readonly skipped: Skipped[]
  readonly versions: Readonly<Record<string, string>>
}

/**
 * Every process is started so many times, each for a part of the rounds: where its memory lies and what V8 made of its code
 * is luck that lasts as long as it does, and moves a gradient by several percent.
 */
const lives = 3

/** Runs a question: its groups one after the other, the contestants of each in turns. `done` hears of every group. */
export async function ask(
  name: string,
  question: Question,
  setting: Setting,
  done: (rows: readonly Row[]) => void,
): Promise<Answer> {
  const rows: Row[] = []
  const skipped = new Map<string, Skipped>()
  const versions: Record<string, string> = {}
  for (const asked of question.groups(setting)) {
    const group = setting.quick ? withoutGoals(asked) : asked
    const measured = new Map<string, Round[]>()
    const count = setting.quick ? 1 : lives
    for (let life = 0; life < count; life++) {
      const rounds = Math.ceil(group.rounds / count)
      const part = await live(name, { ...group, rounds }, life * rounds, versions)
      for (const [one, values] of part.measured) measured.set(one, [...(measured.get(one) ?? []), ...values])
      for (const one of part.skipped) skipped.set(`${one.what} ${one.contestant}`, one)
    }
    // Whoever failed once has rounds missing, and pairs with nobody.
    for (const { what, contestant } of skipped.values()) if (what === group.what) measured.delete(contestant)
    const found = rowsOf(name, group, measured)
    rows.push(...found)
    done(found)
  }
  return { rows, skipped: [...skipped.values()], versions }
}

/** The rounds of a group in processes of their own, after `before` rounds in others. */
async function live(name: string, group: Group, before: number, versions: Record<string, string>) {
  const hosts = new Hosts(name)
  const skipped: Skipped[] = []
  try {
    const byName = new Map((await ready(group, hosts, skipped)).map((one) => [one.name, one]))
    const measure = async (one: string, effort: number) => {
      const contestant = byName.get(one)!
      try {
        return await hosts.round(contestant, effort * group.budget)
      } catch (error) {
        skipped.push(absence(group, contestant, error))
        return { value: Number.NaN, least: Number.NaN }
      }
    }
    const measured = await interleave([...byName.keys()], group.rounds, measure, {
      ...{ shift: before, wake: group.wake ?? false },
    })
    Object.assign(versions, hosts.versions)
    return { measured, skipped }
  } finally {
    await hosts.close()
  }
}

/** Goals are for the sizes that they name. */
function withoutGoals(group: Group): Group {
  const strip = <T extends { readonly goal?: Goal }>({ goal: _, ...rest }: T) => rest as T
  return { ...group, contestants: group.contestants.map(strip), claims: group.claims.map(strip) }
}

/** The contestants that can take part; the others are noted. */
async function ready(group: Group, hosts: Hosts, skipped: Skipped[]): Promise<Contestant[]> {
  const taking: Contestant[] = []
  for (const contestant of group.contestants) {
    try {
      await hosts.prepare(contestant)
      taking.push(contestant)
    } catch (error) {
      skipped.push(absence(group, contestant, error))
    }
  }
  return taking
}

function absence({ what }: Group, { name }: Contestant, error: unknown): Skipped {
  const why = (error instanceof Error ? error.message : String(error)).split('\n', 1)[0]!
  return { what, contestant: name, why }
}
