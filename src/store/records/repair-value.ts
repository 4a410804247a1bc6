import type { CopyReport, Engine, GetOptions, Proof } from '../../engine/engine.ts'

/** `Engine.repair`; where an engine keeps one copy only there is nothing to write it again from. */
export async function repairCopies<T>(
  engine: Engine,
  key: string,
  prove: Proof<T>,
  options: GetOptions<NoInfer<T>>,
): Promise<{ proven: T | undefined; copies: CopyReport }> {
  if (engine.repair !== undefined) return engine.repair(key, prove, options)
  const proven = await engine.get(key, prove, options)
  const found = proven === undefined ? 0 : 1
  return { proven, copies: { wanted: 1, found, repaired: 0, silent: 0 } }
}
