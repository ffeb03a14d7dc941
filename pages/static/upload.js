// Files, sent one by one as they are: a real label over a real input, so that keyboards, screen
// readers and phones know what it is. The server says what it took; names never leave the browser.
// What is turned away for load stays here and is sent again when the server said, for some minutes.
const MOST_TRIES = 20;
const LATER = [429, 503]; // with Retry-After: nothing is wrong with the file

export default {
  props: {
    label: String,
    hint: String,
    accept: String,
    many: Boolean,
    ticket: String,
    words: Object, // sending, waiting, done, failed
  },
  emits: ["received"],
  data() {
    return { files: [], busy: false };
  },
  computed: {
    inner() {
      return this.$attrs.id + "-in";
    },
  },
  unmounted() {
    this.gone = true;
  },
  methods: {
    async chosen(event) {
      const picked = [...event.target.files];
      event.target.value = "";
      for (const file of picked) {
        const entry = { name: file.name, share: 0, state: "sending", said: "" };
        this.files.push(entry);
        await this.deliver(file, this.files[this.files.length - 1]);
      }
    },
    async deliver(file, entry) {
      this.busy = true;
      for (let tries = 1; entry.state === "sending" && !this.gone; tries++) {
        const request = await this.send(file, entry);
        const answer = this.read(request);
        const wait = this.wait(request);
        if (request.status === 201 && answer) {
          entry.state = "done";
          this.$emit("received", answer);
        } else if (wait && tries < MOST_TRIES) {
          await this.rest(entry, wait);
        } else {
          entry.state = "failed";
          entry.said = this.sentence(answer);
        }
      }
      this.busy = false;
    },
    wait(request) {
      if (!LATER.includes(request.status)) return 0;
      return Number(request.getResponseHeader("Retry-After")) || 0;
    },
    async rest(entry, seconds) {
      entry.state = "waiting";
      entry.share = 0;
      const spread = 1 + Math.random() / 2; // whoever was turned away together comes one by one
      await new Promise((resolve) => setTimeout(resolve, 1000 * seconds * spread));
      entry.state = "sending";
    },
    send(file, entry) {
      return new Promise((resolve) => {
        const request = new XMLHttpRequest(); // fetch cannot say how far an upload is
        request.open("POST", "/files?ticket=" + encodeURIComponent(this.ticket));
        request.setRequestHeader("Accept", "application/json");
        request.setRequestHeader("Content-Type", "application/octet-stream");
        request.upload.onprogress = (event) => {
          if (event.lengthComputable) entry.share = Math.round((100 * event.loaded) / event.total);
        };
        request.onloadend = () => resolve(request);
        request.send(file);
      });
    },
    read(request) {
      try {
        return JSON.parse(request.responseText);
      } catch {
        return null;
      }
    },
    sentence(answer) {
      const language = document.documentElement.lang.startsWith("zh") ? "zh_CN" : "en";
      return answer?.title?.[language] ?? this.words.failed;
    },
  },
  template: `
    <div class="field upload">
      <label :for="inner" class="btn btn--line">{{ label }}</label>
      <input :id="inner" class="sr" type="file" :accept="accept" :multiple="many"
        :disabled="busy" :aria-describedby="inner + '-note'" @change="chosen" />
      <p class="field__msg" :id="inner + '-note'">{{ hint }}</p>
      <ul v-if="files.length" class="upload__list" role="status">
        <li v-for="(file, at) in files" :key="at">
          <span>{{ file.name }}</span>
          <span v-if="file.state === 'sending'">{{ words.sending }} {{ file.share }}%</span>
          <span v-else-if="file.state === 'waiting'">{{ words.waiting }}</span>
          <span v-else-if="file.state === 'done'">{{ words.done }}</span>
          <span v-else>{{ file.said }}</span>
        </li>
      </ul>
    </div>`,
};
