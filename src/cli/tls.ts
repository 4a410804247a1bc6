import type { Logger } from 'pino'
import { type Certificate, checkCertificate, type RunningServer } from '../http/index.ts'
import { InvalidArgumentError } from '../index.ts'
import { readSetting } from './secrets.ts'
import { type NameOf, named, type Settings } from './settings.ts'

/**
 * The certificate as its files say now, or `undefined` without `--tls-cert`.
 * @throws {InvalidArgumentError} when it cannot be used.
 */
export function readCertificate(settings: Settings, nameOf: NameOf): Certificate | undefined {
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

/** On SIGHUP the files are read again; while they cannot be used, the certificate before stays. */
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
