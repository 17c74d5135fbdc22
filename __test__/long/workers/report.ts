import { readdirSync, readFileSync } from 'node:fs'

/** What a process of `process.ts` says. */
export interface Report {
  /** Digest of what the main thread trains by itself, before the others. */
  readonly alone: string
  /** Of the main thread and the others at once: digests, and the codes that threads ended with. */
  readonly threads: readonly { digest: string; code: number }[]
  /** Digest of what the main thread trains by itself, after the others. */
  readonly again: string
  /** Threads of the native core in the process; null where the system does not say. */
  readonly nativeThreads: number | null
}

/** Counts the helpers of the native core by their name. */
export function nativeThreads(): number | null {
  if (process.platform !== 'linux') return null
  const names = readdirSync('/proc/self/task').map((id) => readFileSync(`/proc/self/task/${id}/comm`, 'utf8'))
  return names.filter((name) => name.startsWith('saltflat-')).length
}
