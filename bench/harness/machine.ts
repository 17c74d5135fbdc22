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

/** What was measured. */
export interface Source {
  readonly commit: string
  /** The last commit that changed what users run: src/ or crate/. */
  readonly library: string
  /** Whether files differ from the commit; results, and the texts made of them, aside. */
  readonly changed: boolean
}

/** The commit that this process runs from. */
export function commit(): Source {
  const git = (...args: string[]) => execFileSync('git', args, { cwd: packageRoot(), encoding: 'utf8' }).trim()
  try {
    return {
      commit: git('rev-parse', '--short=10', 'HEAD'),
      library: git('log', '-1', '--format=%h', '--abbrev=10', '--', 'src', 'crate', 'Cargo.toml', 'Cargo.lock'),
      // Results are written between the questions of one run.
      changed: git('status', '--porcelain', '--', '.', ':!bench/results', ':!README.md', ':!docs') !== '',
    }
  } catch {
    return { commit: 'unknown', library: 'unknown', changed: true }
  }
}
