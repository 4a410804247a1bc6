/**
 * Maps the items, `concurrency` of them at a time. After a failure no more is begun, and it rejects with that
 * failure once nothing is under way any more.
 */
export async function mapOrStop<T, R>(
  items: readonly T[],
  work: (item: T) => Promise<R>,
  concurrency: number,
): Promise<R[]> {
  const results: R[] = []
  let begun = 0
  let failure: { error: unknown } | undefined
  const worker = async () => {
    while (begun < items.length && failure === undefined) {
      const index = begun++
      try {
        results[index] = await work(items[index]!)
      } catch (error) {
        failure ??= { error }
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(concurrency, items.length) }, worker))
  if (failure !== undefined) throw failure.error
  return results
}
