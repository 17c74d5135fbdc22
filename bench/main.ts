import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { packageRoot } from '../src/native/index.ts'
import { type Answer, ask } from './harness/ask.ts'
import { commit, machine, versions } from './harness/machine.ts'
import { table, verdict } from './harness/table.ts'
import { cpu } from './native.ts'
import { load, names, usual } from './questions.ts'

const usage = `npm run bench [-- NAME…] [--json FILE] [--save] [--quick]

  NAME         ${names.join(', ')}; default: all but profile
  --json FILE  writes all rows to FILE
  --save       writes each question's rows to bench/results/NAME.json, from which the README's tables are made
  --quick      small sizes and few rounds: shows that everything runs; its figures say nothing`

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: 'string' },
    save: { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})

/** Taken first: a run lasts, and the work on the sources goes on. */
const source = commit()

/** What goes into a file. */
function result(answers: readonly Answer[]) {
  return {
    kind: 'bench',
    quick: values.quick,
    ...source,
    date: new Date().toISOString().slice(0, 10),
    machine: machine(),
    versions: versions(Object.assign({}, ...answers.map((one) => one.versions))),
    rows: answers.flatMap(({ rows }) => rows),
    skipped: answers.flatMap(({ skipped }) => skipped),
  }
}

function write(file: string, content: object): void {
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, `${JSON.stringify(content, null, 2)}\n`)
}

async function main(): Promise<number> {
  if (values.help) {
    console.log(usage)
    return 0
  }
  const unknown = positionals.find((name) => !names.includes(name))
  if (unknown !== undefined || (values.save && values.quick)) {
    const reason =
      unknown === undefined ? 'Figures of --quick are not to be saved.' : `There is no question ${unknown}.`
    console.error(`${reason}\n\n${usage}`)
    return 1
  }
  const answers: Answer[] = []
  for (const name of positionals.length > 0 ? positionals : usual) {
    const question = await load(name)
    console.log(`\n${name}: ${question.about}`)
    const setting = { levels: cpu().detected, quick: values.quick }
    const answer = await ask(name, question, setting, (rows) => console.log(`\n${table(rows)}`))
    for (const { what, contestant, why } of answer.skipped) console.log(`\nSKIPPED: ${contestant} (${what}): ${why}`)
    answers.push(answer)
    if (values.save) write(join(packageRoot(), 'bench', 'results', `${name}.json`), result([answer]))
  }
  console.log(`\n${verdict(answers.flatMap(({ rows }) => rows))}`)
  if (values.json !== undefined) write(values.json, result(answers))
  return 0
}

process.exitCode = await main()
