import test from 'ava'
import { KnownServer } from '../../../src/engine/memcached/known-server.ts'
import { BinaryCodec } from '../../../src/engine/memcached/protocol/binary.ts'
import { settingsOf as serverSettingsOf } from '../../../src/engine/memcached/server-settings.ts'
import { settingsOf } from './harness.ts'

test('a server that has told its settings in between is no proxy that hangs up on them', (t) => {
  const server = new KnownServer(settingsOf('127.0.0.1:1'))
  const codec = new BinaryCodec()
  server.hungUpOnSettings(codec)
  server.learn(serverSettingsOf(new Map([['item_size_max', '1048576']])))
  server.hungUpOnSettings(codec)
  t.false(server.lacks.has('stats'))
  server.hungUpOnSettings(codec)
  t.true(server.lacks.has('stats'), 'twice in a row')
})
