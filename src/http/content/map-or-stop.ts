import pMap from 'p-map'

/**
 * Maps the items, `concurrency` of them at a time. After a failure no more is begun, and it rejects with that
 * failure once nothing is under way any more.
 */
export async function mapOrStop<T, R>(
  items: readonly T[],
  work: (item: T) => Promise<R>,
  concurrency: number,
): Promise<R[]> {
  let failure: { error: unknown } | undefined
  const one = async (item: T): Promise<R[]> => {
    if (failure !== undefined) return []
    try {
      return [await work(item)]
    } catch (error) {
      failure ??= { error }
      return []
    }
  }
  const results = await pMap(items, one, { concurrency })
  if (failure !== undefined) throw failure.error
  return results.flat(1) as R[]
}
