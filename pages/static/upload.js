// Files, sent one by one as they are: a real label over a real input, so that keyboards, screen
// readers and phones know what it is. The server says what it took; names never leave the browser.
export default {
  props: {
    label: String,
    hint: String,
    accept: String,
    many: Boolean,
    ticket: String,
    words: Object, // sending, done, failed
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
  methods: {
    async chosen(event) {
      const picked = [...event.target.files];
      event.target.value = "";
      for (const file of picked) {
        const entry = { name: file.name, share: 0, state: "sending", said: "" };
        this.files.push(entry);
        await this.send(file, this.files[this.files.length - 1]);
      }
    },
    send(file, entry) {
      this.busy = true;
      return new Promise((resolve) => {
        const request = new XMLHttpRequest(); // fetch cannot say how far an upload is
        request.open("POST", "/files?ticket=" + encodeURIComponent(this.ticket));
        request.setRequestHeader("Accept", "application/json");
        request.setRequestHeader("Content-Type", "application/octet-stream");
        request.upload.onprogress = (event) => {
          if (event.lengthComputable) entry.share = Math.round((100 * event.loaded) / event.total);
        };
        request.onloadend = () => {
          this.busy = false;
          const answer = this.read(request);
          if (request.status === 201 && answer) {
            entry.state = "done";
            entry.share = 100;
            this.$emit("received", answer);
          } else {
            entry.state = "failed";
            entry.said = this.sentence(answer);
          }
          resolve();
        };
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
          <span v-else-if="file.state === 'done'">{{ words.done }}</span>
          <span v-else>{{ file.said }}</span>
        </li>
      </ul>
    </div>`,
};
