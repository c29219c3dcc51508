"""A user with end-to-end encryption, on matrix-nio, led by the tests.

The first line of the input is an object that says who the user is: homeserver, user, device, token, store. Every other
line is a command: {"id": 1, "do": "send", "room": ..., "content": ...} or {"id": 2, "do": "meet", "room": ...,
"user": ...}. It is over when the input is.

Every line of the output is an object: {"ready": true} once it follows its rooms; {"message": {...}} for each message of
somebody else; {"answer": 1, "event_id": ...} or {"answer": 1, "error": ...} for each command.
"""

import asyncio
import json
import sys

from nio import (
    AsyncClient,
    AsyncClientConfig,
    MegolmEvent,
    RoomGetStateEventResponse,
    RoomMessage,
    RoomSendResponse,
    SyncResponse,
)

# As many as the server gives at once, so that nothing is left out after a while away.
FILTER = {"room": {"timeline": {"limit": 1000}}}


class Peer:
    def __init__(self, who):
        config = AsyncClientConfig(
            encryption_enabled=True,
            store_sync_tokens=True,
            # While the server is down it tries again this often, in seconds, for as long as it takes.
            max_timeout_retry_wait_time=0.5,
        )
        self.client = AsyncClient(who["homeserver"], who["user"], who["device"], who["store"], config)
        self.client.restore_login(who["user"], who["device"], who["token"])
        self.client.add_event_callback(self.on_message, RoomMessage)
        self.client.add_event_callback(self.on_undecryptable, MegolmEvent)
        self.synced = asyncio.Event()

    async def follow(self):
        """Hears what happens, and does what encryption asks for, until it is cancelled."""
        await self.turn(timeout=0, full_state=True)
        tell({"ready": True})
        while True:
            await self.turn(timeout=30_000)

    async def turn(self, **how):
        client = self.client
        response = await client.sync(sync_filter=FILTER, **how)
        if not isinstance(response, SyncResponse):
            raise RuntimeError(f"sync: {response}")
        await client.send_to_device_messages()
        if client.should_upload_keys:
            await client.keys_upload()
        if client.should_query_keys:
            await client.keys_query()
        if client.should_claim_keys:
            await client.keys_claim(client.get_users_for_key_claiming())
        # Whoever waits is woken once and then waits for the next.
        self.synced.set()
        self.synced = asyncio.Event()

    async def until(self, condition):
        """Waits until the condition holds. What it depends on changes with a sync only."""
        while not (value := condition()):
            await self.synced.wait()
        return value

    async def room(self, room_id):
        """The room, once it is known whether it is encrypted."""
        room = await self.until(lambda: self.client.rooms.get(room_id))
        if not room.encrypted:
            state = await self.client.room_get_state_event(room_id, "m.room.encryption")
            if isinstance(state, RoomGetStateEventResponse):
                await self.until(lambda: room.encrypted)
        return room

    async def query_keys(self, users):
        self.client.olm.add_changed_users(set(users))
        await self.client.keys_query()

    async def meet(self, room, user):
        """Waits until the user is in the room and, if it is encrypted, has a device to encrypt for."""
        room = await self.room(room)
        await self.until(lambda: user in room.users and user not in room.invited_users)
        while room.encrypted:
            synced = self.synced
            await self.query_keys([user])
            if any(True for _ in self.client.device_store.active_user_devices(user)):
                break
            # The server says with a sync that the user's devices have changed.
            await synced.wait()
        return {}

    async def send(self, room, content):
        room = await self.room(room)
        if room.encrypted:
            # A device that came a moment ago may not have been announced yet.
            await self.query_keys(room.users)
        sent = await self.client.room_send(
            room.room_id, "m.room.message", content, ignore_unverified_devices=True
        )
        if not isinstance(sent, RoomSendResponse):
            raise RuntimeError(f"send: {sent}")
        return {"event_id": sent.event_id}

    async def on_message(self, room, event):
        self.tell_message(room, event, "decrypted" if event.decrypted else "plain")

    async def on_undecryptable(self, room, event):
        self.tell_message(room, event, "undecryptable")

    def tell_message(self, room, event, secrecy):
        if event.sender == self.client.user_id:
            return
        content = event.source.get("content", {})
        message = {"room": room.room_id, "event_id": event.event_id, "sender": event.sender}
        tell({"message": {**message, "secrecy": secrecy, "content": content}})

    async def obey(self, command):
        number, name = command.pop("id"), command.pop("do")
        actions = {"meet": self.meet, "send": self.send}
        try:
            answer = await actions[name](**command)
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        tell({"answer": number, **answer})


def tell(line):
    print(json.dumps(line), flush=True)


async def read_lines():
    reader = asyncio.StreamReader(limit=2**24)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        yield json.loads(line)


async def main():
    lines = read_lines()
    peer = Peer(await anext(lines))

    async def listen():
        # One after the other, so that what is said stays in order.
        async for command in lines:
            await peer.obey(command)

    # Whichever ends first: listening with the input, following with an error.
    tasks = [asyncio.create_task(peer.follow()), asyncio.create_task(listen())]
    done, rest = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in rest:
        task.cancel()
    await asyncio.gather(*rest, return_exceptions=True)
    await peer.client.close()
    for task in done:
        task.result()


asyncio.run(main())
