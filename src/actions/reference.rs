//! The reference of actions and the IAM statements of their roles, both generated from the table.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use super::{ACTIONS, Action, Reversibility};

/// The reference of actions as Markdown.
pub fn markdown() -> String {
    let mut text = String::new();
    for action in ACTIONS {
        // Writing to a String cannot fail.
        let _ = section(&mut text, action);
    }
    text
}

fn section(text: &mut String, action: &Action) -> std::fmt::Result {
    let code = |names: &[&str]| names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    writeln!(text, "### `{}`\n\n{}\n", action.name, action.summary)?;
    writeln!(text, "* **Rules:** {}", code(action.rules))?;
    writeln!(text, "* **Acts if:** {}", action.precondition)?;
    match action.reversibility {
        Reversibility::Exact => writeln!(text, "* **Undo:** restores the state from before.")?,
        Reversibility::WithLoss(loss) => writeln!(text, "* **Undo:** restores the state from before. {loss}")?,
        Reversibility::None(reason) => writeln!(text, "* **Undo:** none. {reason}")?,
    }
    if let Some(reason) = action.approval {
        writeln!(text, "* **Approval:** always. {reason}")?;
    }
    let allowed: Vec<&str> = action.permissions.iter().flat_map(|statement| statement.actions).copied().collect();
    writeln!(text, "* **IAM:** {}\n", code(&allowed))
}

/// The statements of IAM policies by action. Resources contain `{partition}`, `{region}` and `{account}`.
///
/// `restores_own` marks the actions that may change the deployment itself, because they restore it.
pub fn statements() -> Value {
    let of = |action: &Action| -> Vec<Value> {
        let statements = action.permissions.iter();
        statements
            .map(|statement| {
                let mut conditions: Map<String, Value> = Map::new();
                for (operator, key, value) in statement.conditions {
                    let keys = conditions.entry(*operator).or_insert_with(|| json!({}));
                    if let Some(keys) = keys.as_object_mut() {
                        keys.insert((*key).to_owned(), (*value).into());
                    }
                }
                let mut described =
                    json!({"actions": statement.actions, "resources": statement.resources, "conditions": conditions});
                if let Some(members) = described.as_object_mut().filter(|_| action.restores_own) {
                    members.insert("restores_own".to_owned(), true.into());
                }
                described
            })
            .collect()
    };
    ACTIONS.iter().map(|action| (action.name.to_owned(), Value::from(of(action)))).collect::<Map<_, _>>().into()
}
