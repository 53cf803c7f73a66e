// The joined rooms as the server tells them: by its list, and by the frames of the user's socket, each of which has a state of now.

/** Rooms are never changed in place: a room that has changed is another object. */
export class RoomStates {
  all = [];
  #frames = 0; // how many have come
  #toldAt = new Map(); // by room id: the number of the last frame about it
  #helloAt = 0;

  get(roomId) {
    return this.all.find((room) => room.room_id === roomId);
  }

  /** The present, for `listed`. */
  get now() {
    return this.#frames;
  }

  /** The server's list, which was asked for at this time: what frames have told since holds. */
  listed(rooms, askedAt) {
    if (this.#helloAt > askedAt) return;
    const isNewer = (roomId) => this.#toldAt.get(roomId) > askedAt;
    const listed = new Set(rooms.map((room) => room.room_id));
    this.all = [
      ...rooms.map((room) => (isNewer(room.room_id) ? this.get(room.room_id) : room)).filter(Boolean),
      ...this.all.filter(({ room_id: roomId }) => isNewer(roomId) && !listed.has(roomId)),
    ];
  }

  /** The user is not in this room any more. */
  remove(roomId) {
    this.all = this.all.filter((room) => room.room_id !== roomId);
  }

  /** Takes a frame of the user's socket. */
  take(frame) {
    const roomId = frame.room_id ?? frame.room?.room_id;
    this.#toldAt.set(roomId, ++this.#frames);
    switch (frame.type) {
      case "hello":
        this.#helloAt = this.#frames;
        this.all = frame.rooms;
        break;
      case "joined":
      case "room_changed":
        if (this.get(roomId)) this.#change(roomId, () => frame.room);
        else this.all = [...this.all, frame.room];
        break;
      case "left":
        this.remove(roomId);
        break;
      case "room_news":
        this.#change(roomId, (room) => ({ ...room, last_id: Math.max(room.last_id ?? 0, frame.last_id) }));
        break;
      case "mention":
        this.#change(roomId, (room) => mentioned(room, frame.message_id));
        break;
      case "read":
        this.#change(roomId, (room) => readTo(room, frame.last_read_id));
    }
  }

  #change(roomId, change) {
    this.all = this.all.map((room) => (room.room_id === roomId ? change(room) : room));
  }
}

function mentioned(room, messageId) {
  const { last_id: lastId = 0, last_read_id: lastRead = 0, mentions = 0 } = room;
  return { ...room, last_id: Math.max(lastId, messageId), mentions: messageId > lastRead ? mentions + 1 : mentions };
}

function readTo(room, messageId) {
  const { last_id: lastId = 0, last_read_id: lastRead = 0, mentions = 0 } = room;
  return { ...room, last_id: Math.max(lastId, messageId), last_read_id: Math.max(lastRead, messageId), mentions: messageId >= lastId ? 0 : mentions };
}
