import { InvalidArgumentError } from '../../errors.ts'
import { type Certificate, checkCertificate, type RunningServer } from '../../http/index.ts'
import type { Reload } from './lifecycle.ts'
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

/** The certificate of a server; SIGHUP reads it again, also before the server listens. */
export class ServedCertificate {
  certificate: Certificate
  readonly reload: Reload
  #server: RunningServer | undefined

  constructor(certificate: Certificate, read: () => Certificate) {
    this.certificate = certificate
    this.reload = {
      what: 'TLS certificate',
      take: () => {
        this.certificate = read()
        this.#server?.setCertificate(this.certificate)
        return checkCertificate(this.certificate)
      },
    }
  }

  /** Gives the server each certificate that is read from now on. */
  serveWith(server: RunningServer): void {
    this.#server = server
    server.setCertificate(this.certificate)
  }
}
