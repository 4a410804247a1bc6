import type { OriginOptions } from '../../http/index.ts'
import { InvalidArgumentError } from '../../index.ts'
import { validateOrigin } from '../../origin/index.ts'
import { readSetting } from './secrets.ts'
import { type NameOf, named, type ServeSettings } from './settings.ts'

/**
 * Reads where files come from that are not in the cache; `undefined` without `--origin`.
 * @throws {InvalidArgumentError} that names the setting.
 */
export function readOrigin(settings: ServeSettings, nameOf: NameOf): OriginOptions | undefined {
  const { origin: url } = settings
  if (url === undefined) return refuseWithout(settings, nameOf)
  named(nameOf('origin'), () => validateOrigin({ url }))
  const { originBlobs: blobs, originCacert } = settings
  if (blobs !== undefined) named(nameOf('originBlobs'), () => validateOrigin({ url, blobs }))
  const authorization = readAuthorization(settings, nameOf)
  const ca = originCacert && readSetting(nameOf('originCacert'), originCacert)
  const options: OriginOptions = {
    url,
    blobs,
    authorization,
    ...(ca && { ca }),
    redirectHosts: settings.originRedirectHost,
    timeoutMs: milliseconds(settings.originTimeout),
    totalTimeoutMs: milliseconds(settings.originTotalTimeout),
    maxFetches: settings.originMaxFetches,
    ttl: settings.originTtl,
    negativeTtl: settings.originNegativeTtl,
    staleIfError: settings.originStaleIfError,
    rangeLimit: settings.originRangeLimit,
    ignoredVary: settings.originIgnoredVary,
  }
  validateOrigin(options)
  return options
}

function refuseWithout(settings: ServeSettings, nameOf: NameOf): undefined {
  for (const name of Object.keys(settings) as (keyof ServeSettings)[]) {
    if (!name.startsWith('origin') || settings[name] === undefined) continue
    throw new InvalidArgumentError(`${nameOf(name)} needs --origin`)
  }
}

function readAuthorization(settings: ServeSettings, nameOf: NameOf): string | undefined {
  const { origin: url, originAuthorization: given, originAuthorizationFile: file } = settings
  const check = (name: string, authorization: string) =>
    named(name, () => validateOrigin({ url: url!, authorization }).authorization)
  if (given !== undefined) return check(nameOf('originAuthorization'), given)
  if (file === undefined) return undefined
  const name = nameOf('originAuthorizationFile')
  const [line = ''] = readSetting(name, file).toString().split('\n', 1)
  return check(name, line.trim())
}

function milliseconds(seconds: number | undefined): number | undefined {
  return seconds === undefined ? undefined : seconds * 1000
}
