// The paths of the protocols of build tools, each behind any prefix.

/** A key of an action result and the content that it names (Bazel's HTTP caching protocol). */
export const AC_PATH = behindPrefix('ac/[0-9a-f]{64}')
export const CAS_PATH = behindPrefix('cas/[0-9a-f]{64}')

/** An entry of Nx' self-hosted remote cache. */
export const NX_PATH = behindPrefix('v1/cache/[^/]+')

const ARTIFACT = '[\\w.-]+'
export const ARTIFACT_HASH = new RegExp(`^${ARTIFACT}$`)
/** Turborepo's remote cache. */
export const TURBOREPO = {
  artifact: behindPrefix(`v8/artifacts/${ARTIFACT}`),
  status: behindPrefix('v8/artifacts/status'),
  events: behindPrefix('v8/artifacts/events'),
  query: behindPrefix('v8/artifacts'),
  any: behindPrefix(`v8/artifacts(?:/${ARTIFACT})?`),
  /** By POST, yet nothing is written. */
  question: behindPrefix('v8/artifacts(?:/events)?'),
}

/**
 * The path of a protocol behind any prefix, which keeps the builds that use it apart from others. What a
 * user calls a file belongs to no protocol, and neither do contents and the page's assets.
 * @param tail What a regular expression says of the path after the prefix.
 */
function behindPrefix(tail: string): RegExp {
  return new RegExp(`^/(?!(?:files|blobs|assets)/)(?:.*/)?${tail}$`)
}
