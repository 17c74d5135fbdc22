import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { cpus, totalmem } from 'node:os'
import { join } from 'node:path'
import * as tf from '@tensorflow/tfjs'
import { packageRoot } from '../../src/native/index.ts'
import { cpu } from '../native.ts'

/** What figures were measured on. */
export interface Machine {
  readonly processor: string
  readonly cores: number
  /** GiB. */
  readonly memory: number
  /** The instruction set in use. */
  readonly simd: string
  readonly platform: string
}

/** The machine of this process. */
export function machine(): Machine {
  const processors = cpus()
  return {
    processor: processors[0]?.model.trim() ?? 'unknown',
    cores: processors.length,
    memory: Math.round(totalmem() / 2 ** 30),
    simd: cpu().simd,
    platform: `${process.platform}-${process.arch}`,
  }
}

/** Versions of what takes part; `found` comes from the processes, which know of more than this one. */
export function versions(found: Readonly<Record<string, string>>): Record<string, string> {
  const { version } = JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8')) as { version: string }
  const absent = { tensorflow: 'absent', torch: 'absent' }
  return { saltflat: version, node: process.versions.node, tfjs: tf.version.tfjs, ...absent, ...found }
}

/** The commit, and whether the sources differ from it. */
export function commit(): { commit: string; changed: boolean } {
  const git = (...args: string[]) => execFileSync('git', args, { cwd: packageRoot(), encoding: 'utf8' }).trim()
  try {
    // Results are written between the questions of one run.
    return {
      commit: git('rev-parse', '--short=10', 'HEAD'),
      changed: git('status', '--porcelain', '--', '.', ':!bench/results', ':!README.md', ':!docs') !== '',
    }
  } catch {
    return { commit: 'unknown', changed: true }
  }
}
