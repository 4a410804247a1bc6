import type { CopyReport, Engine, GetOptions, Proof } from '../../engine/engine.ts'

/** `Engine.repair`. An engine that keeps one copy has nothing to write it again from: the value is read. */
export async function repairValue<T>(
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
