// Reads how many tests passed, failed and were skipped from what the runners print. A runner that ended badly counts as
// one failure at least, and so does one that ran nothing: silence is no success.

/** Adds up counts. */
export function total(counts) {
  const sum = { passed: 0, failed: 0, skipped: 0 }
  for (const count of counts) for (const key of Object.keys(sum)) sum[key] += count[key]
  return sum
}

/** The one line that closes every run. */
export function closingLine({ passed, failed, skipped }) {
  return `${passed} passed, ${failed} failed${skipped ? `, ${skipped} skipped` : ''}`
}

/** Sums the `test result:` lines of `cargo test`, one for each test binary. Ignored tests are the long ones: another stage runs them. */
export function countCargo(text, exitCode) {
  const lines = plain(text).matchAll(/^test result: \w+\. (\d+) passed; (\d+) failed;/gm)
  const counts = [...lines].map(([, passed, failed]) => ({ passed: +passed, failed: +failed, skipped: 0 }))
  return atLeastOne(total(counts), exitCode)
}

/** AVA prints a tick for each test that passed and sums the rest up at the end, each kind on a line of its own. */
export function countAva(text, exitCode) {
  const sum = { passed: 0, failed: 0, skipped: 0 }
  for (const line of plain(text).split('\n')) {
    if (/^ {2}[✔√] /.test(line)) sum.passed++
    const [, number, kind = ''] = /^ {2}(\d+) (.*)$/.exec(line) ?? []
    if (/^tests? (skipped|todo)$/.test(kind)) sum.skipped += +number
    if (bad.test(kind)) sum.failed += +number
  }
  return atLeastOne(sum, exitCode)
}

const bad = /^((tests?|hooks?) failed|(uncaught|unhandled) \w+|tests? remained pending after a timeout)$/

/** A check without counts is one test. */
export function countOne(_text, exitCode) {
  return exitCode === 0 ? { passed: 1, failed: 0, skipped: 0 } : { passed: 0, failed: 1, skipped: 0 }
}

function atLeastOne(sum, exitCode) {
  const fine = sum.failed > 0 || (exitCode === 0 && sum.passed > 0)
  return fine ? sum : { ...sum, failed: 1 }
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: colours are control characters
const plain = (text) => text.replace(/\u001b\[[\d;]*m/g, '').replace(/\r/g, '')
