import type { Question } from './harness/question.ts'

/** THE table of questions: one line each, loaded when asked. */
const table: Readonly<Record<string, () => Promise<Question>>> = {
  noise: async () => (await import('./noise.ts')).noise,
  machinery: async () => (await import('./machinery.ts')).machineryQuestion,
  'in-place': async () => (await import('./in-place.ts')).inPlace,
  step: async () => (await import('./step.ts')).step,
  optimizer: async () => (await import('./optimizer.ts')).optimizer,
  hessian: async () => (await import('./hessian.ts')).hessianQuestion,
  small: async () => (await import('./small.ts')).small,
  lanczos: async () => (await import('./lanczos.ts')).lanczosQuestion,
  eigenvalues: async () => (await import('./eigenvalues.ts')).eigenvalues,
  profile: async () => (await import('./profile.ts')).profile,
}

/** Their names. */
export const names: readonly string[] = Object.keys(table)

/** Those that run when none is named, in this order: the ones that compare. */
export const usual: readonly string[] = names.filter((name) => name !== 'profile')

/** A question by name. */
export async function load(name: string): Promise<Question> {
  const found = table[name]
  if (found === undefined) throw new Error(`Expected a question of ${names.join(', ')}, received '${name}'.`)
  return await found()
}
