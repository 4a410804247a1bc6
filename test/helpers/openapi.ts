import { Ajv2020 } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import { openApiDocument } from '../../src/http/openapi/document.ts'
import type { Answer } from './http.ts'

interface Described {
  description: string
  headers?: Record<string, { required?: boolean; schema: object }>
  content?: Record<string, { schema?: object }>
}

interface Operation {
  responses: Record<string, Described | { $ref: string }>
}

export interface Document {
  paths: Record<string, Record<string, Operation>>
  components: { responses: Record<string, Described> }
}

export const METHODS = ['get', 'head', 'put', 'post', 'delete', 'options']

/** Compares a server's answers with its OpenAPI document. */
export class OpenApi {
  readonly document = JSON.parse(JSON.stringify(openApiDocument('0'))) as Document
  readonly #ajv: Ajv2020

  constructor() {
    this.#ajv = new Ajv2020({ strict: false, allErrors: true })
    addFormats.default(this.#ajv)
    this.#ajv.addSchema({ $id: 'openapi', ...this.document })
  }

  get operations(): { path: string; method: string }[] {
    return Object.entries(this.document.paths).flatMap(([path, item]) =>
      METHODS.filter((method) => method in item).map((method) => ({ path, method })),
    )
  }

  /** Returns how `answer` differs from the document; empty when it does not. */
  faultsOf(method: string, path: string, answer: Answer): string[] {
    const operation = this.document.paths[path]?.[method.toLowerCase()]
    if (operation === undefined) return [`${method} ${path} is not described`]
    const described = this.#resolve(operation.responses[answer.status])
    if (described === undefined) return [`${answer.status} is not described`]
    return [
      ...this.#headerFaults(described, answer),
      ...(method === 'HEAD' ? [] : this.#bodyFaults(described, answer)),
    ]
  }

  #headerFaults({ headers = {} }: Described, answer: Answer): string[] {
    return Object.entries(headers).flatMap(([name, { required, schema }]) => {
      const value = answer.headers[name.toLowerCase()]
      if (value === undefined) return required ? [`${name} is missing`] : []
      return this.#faults(schema, value).map((fault) => `${name}: ${value} ${fault}`)
    })
  }

  #bodyFaults({ content }: Described, { body, headers, json }: Answer): string[] {
    if (content === undefined) return body.length > 0 ? ['a body is not described'] : []
    const type = String(headers['content-type']).split(';')[0]!
    const media = content[type] ?? content['*/*']
    if (media === undefined) return [`the type ${type} is not described`]
    return type.endsWith('json') ? this.#faults(media.schema ?? {}, json()) : []
  }

  #faults(schema: object, value: unknown): string[] {
    const local = JSON.parse(JSON.stringify(schema).replaceAll('"#/', '"openapi#/'))
    const validate = this.#ajv.compile(local)
    if (validate(value)) return []
    return validate.errors!.map(({ instancePath, message }) => `${instancePath} ${message}`)
  }

  #resolve(response: Described | { $ref: string } | undefined): Described | undefined {
    if (response === undefined || !('$ref' in response)) return response
    return this.document.components.responses[response.$ref.split('/').at(-1)!]
  }
}
