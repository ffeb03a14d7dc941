// A week: a row for each clinician, a column for each day, shifts as buttons. One element in all.
// Arrow keys go from button to button; Tab goes through them as usual.
const ACROSS = { ArrowLeft: -1, ArrowRight: 1 };
const DOWN = { ArrowUp: -1, ArrowDown: 1 };
export default {
  props: {
    caption: String,
    words: Object, // clinician, none, add
    days: Array, // of {text, note, today}
    rows: Array, // of {key, name, note, cells: [[{key, time, notes, said, icon, tone, whose}]]}
    may: Boolean, // whether empty places offer to add
    selected: String,
  },
  emits: ["open", "add"],
  methods: {
    use(name) {
      return window.xl.icon(name);
    },
    go(event) {
      const step = ACROSS[event.key] || DOWN[event.key];
      if (!step) return;
      const cell = event.target.closest("td");
      const near = event.key in ACROSS ? this.beside(cell, step) : this.below(cell, step);
      if (!near) return;
      event.preventDefault();
      near.focus();
    },
    beside(cell, step) {
      for (let next = cell; next; ) {
        next = step > 0 ? next.nextElementSibling : next.previousElementSibling;
        const button = next && next.querySelector("button");
        if (button) return button;
      }
      return null;
    },
    below(cell, step) {
      const all = [...cell.querySelectorAll("button")];
      const within = all[all.indexOf(document.activeElement) + step];
      if (within) return within;
      for (let row = cell.parentElement; row; ) {
        row = step > 0 ? row.nextElementSibling : row.previousElementSibling;
        const found = row ? [...row.children[cell.cellIndex].querySelectorAll("button")] : [];
        if (found.length) return step > 0 ? found[0] : found[found.length - 1];
      }
      return null;
    },
  },
  template: `
    <div class="weekbox">
      <table class="week" @keydown="go">
        <caption class="sr">{{ caption }}</caption>
        <thead><tr>
          <th scope="col">{{ words.clinician }}</th>
          <th v-for="day in days" :key="day.text" scope="col" :class="{ 'is-today': day.today }"
            :aria-current="day.today ? 'date' : undefined"><b>{{ day.text }}</b> <span>{{ day.note }}</span></th>
        </tr></thead>
        <tbody>
          <tr v-for="row in rows" :key="row.key">
            <th scope="row"><b>{{ row.name }}</b><span>{{ row.note }}</span></th>
            <td v-for="(cell, nth) in row.cells" :key="nth" :class="{ 'is-today': days[nth].today, 'is-free': !cell.length }">
              <span class="week__day" aria-hidden="true">{{ days[nth].text }} {{ days[nth].note }}</span>
              <button v-for="each in cell" :key="each.key" type="button" class="shift" :class="'shift--' + each.tone"
                :aria-pressed="each.key === selected ? 'true' : 'false'"
                @click="$emit('open', each.key)">
                <span class="sr">{{ each.whose }}</span> <b>{{ each.time }}</b>
                <span v-for="note in each.notes" :key="note" class="shift__note">{{ note }}</span>
                <span class="shift__state"><svg class="i" aria-hidden="true"><use :href="use(each.icon)" /></svg>{{ each.said }}</span>
              </button>
              <button v-if="may && !cell.length" type="button" class="week__add"
                :aria-label="words.add + ' ' + row.name + ' ' + days[nth].text"
                @click="$emit('add', { key: row.key, day: nth })">
                <svg class="i" aria-hidden="true"><use :href="use('plus')" /></svg></button>
            </td>
          </tr>
        </tbody>
      </table>
    </div>`,
};
