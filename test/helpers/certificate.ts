import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ExecutionContext } from 'ava'

/** A self-signed certificate for localhost, as files and as bytes. */
export interface TestCertificate {
  certFile: string
  keyFile: string
  cert: Buffer
  key: Buffer
}

/**
 * Makes a certificate with openssl and removes it after the test. `name` is its common name.
 * @param daysAgo When it was made; it is good for two days.
 */
export async function createCertificate(
  t: ExecutionContext,
  name: string,
  daysAgo = 0,
): Promise<TestCertificate> {
  const folder = await mkdtemp(join(tmpdir(), 'blobcached-tls-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const certFile = join(folder, 'cert.pem')
  const keyFile = join(folder, 'key.pem')
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  const files = ['-keyout', keyFile, '-out', certFile]
  const subject = ['-subj', `/CN=${name}`, '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1']
  const make = ['openssl', 'req', '-x509', ...key, ...files, '-days', '2', ...subject]
  const [program, ...args] = daysAgo === 0 ? make : ['faketime', '-f', `-${daysAgo}d`, ...make]
  execFileSync(program!, args, { stdio: 'ignore' })
  return { certFile, keyFile, cert: readFileSync(certFile), key: readFileSync(keyFile) }
}
