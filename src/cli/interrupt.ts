/** Within this many milliseconds a second SIGINT is the same key press: npm passes on what the terminal already sent. */
const samePress = 500

/**
 * Calls `stop` on the first Ctrl-C and ends the process with exit code 130 on the next one.
 * Returns a function that restores the usual behaviour.
 */
export function onInterrupt(stop: () => void): () => void {
  let first: number | undefined
  const listener = () => {
    const now = performance.now()
    if (first === undefined) {
      first = now
      stop()
    } else if (now - first > samePress) process.exit(130)
  }
  process.on('SIGINT', listener)
  return () => process.off('SIGINT', listener)
}
