import { InvalidArgumentError } from '../../errors.ts'
import {
  type Certificate,
  checkCertificate,
  type Logger,
  type RunningServer,
} from '../../http/index.ts'
import { readSetting } from './secrets.ts'
import { type NameOf, named, type ServeSettings } from './settings.ts'

/**
 * Reads the certificate and its key; `undefined` without `--tls-cert`.
 * @throws {InvalidArgumentError} that names the setting.
 */
export function readCertificate(settings: ServeSettings, nameOf: NameOf): Certificate | undefined {
  const { tlsCert, tlsKey } = settings
  if (tlsCert === undefined && tlsKey === undefined) return undefined
  if (tlsCert === undefined || tlsKey === undefined) {
    throw new InvalidArgumentError('--tls-cert and --tls-key go together; only one of them is set')
  }
  const tls = {
    cert: readSetting(nameOf('tlsCert'), tlsCert),
    key: readSetting(nameOf('tlsKey'), tlsKey),
  }
  named(nameOf('tlsCert'), () => checkCertificate(tls))
  return tls
}

/** Reads the certificate again on SIGHUP; keeps the old one if the new one is not valid. */
export function reloadOnHangup(
  server: RunningServer,
  read: () => Certificate,
  logger: Logger,
): void {
  process.on('SIGHUP', () => {
    try {
      const tls = read()
      server.setCertificate(tls)
      logger.info(checkCertificate(tls), 'uses the new TLS certificate')
    } catch (error) {
      logger.error({ err: error }, 'keeps the old TLS certificate: the new one cannot be used')
    }
  })
}
