// What is typed is kept: every change in a form with data-draft is saved within 3 seconds, also when
// the socket is down or the page is left, and is put back when the form is opened again.
