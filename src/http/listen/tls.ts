import { createPrivateKey, X509Certificate } from 'node:crypto'
import { createSecureContext } from 'node:tls'
import { InvalidArgumentError } from '../../index.ts'

/** What HTTPS is served with. */
export interface Certificate {
  /** The certificate, and after it those that vouch for it, in PEM. */
  cert: string | Buffer
  /** Its private key, in PEM, not encrypted. */
  key: string | Buffer
}

/** What a person wants to know of the certificate in use. */
export interface CertificateSummary {
  subject: string
  names: string | undefined
  validTo: string
}

/** @throws {InvalidArgumentError} unless the key belongs to the certificate and both can be used. */
export function checkCertificate({ cert, key }: Certificate): CertificateSummary {
  try {
    const certificate = new X509Certificate(cert)
    if (!certificate.checkPrivateKey(createPrivateKey(key))) throw new Error('they do not match')
    createSecureContext({ cert, key })
    const { subject, subjectAltName, validTo } = certificate
    return { subject, names: subjectAltName, validTo }
  } catch (cause) {
    const { message } = cause as Error
    throw new InvalidArgumentError(`the TLS certificate and its key cannot be used: ${message}`, {
      cause,
    })
  }
}
