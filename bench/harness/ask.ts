import { Hosts } from './hosts.ts'
import type { Contestant, Goal, Group, Question, Setting } from './question.ts'
import { interleave } from './rounds.ts'
import { type Row, rowsOf } from './rows.ts'

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

/** Runs a question: its groups one after the other, the contestants of each in turns. `done` hears of every group. */
export async function ask(
  name: string,
  question: Question,
  setting: Setting,
  done: (rows: readonly Row[]) => void,
): Promise<Answer> {
  const hosts = new Hosts(name)
  const rows: Row[] = []
  const skipped: Skipped[] = []
  try {
    for (const asked of question.groups(setting)) {
      const group = setting.quick ? withoutGoals(asked) : asked
      const taking = await ready(group, hosts, skipped)
      const byName = new Map(taking.map((one) => [one.name, one]))
      const measure = (one: string, effort: number) => hosts.round(byName.get(one)!, effort * group.budget)
      const measured = await interleave([...byName.keys()], group.rounds, measure)
      await hosts.clear()
      const found = rowsOf(name, group, measured)
      rows.push(...found)
      done(found)
    }
  } finally {
    await hosts.close()
  }
  return { rows, skipped, versions: hosts.versions }
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
      const why = (error instanceof Error ? error.message : String(error)).split('\n', 1)[0]!
      skipped.push({ what: group.what, contestant: contestant.name, why })
    }
  }
  return taking
}
