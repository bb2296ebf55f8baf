use sqlx::{FromRow, MySql, Row as _, Transaction, mysql::MySqlRow};

use super::{Refusal, Store, StoreError, check_id, lock_active, now};
use crate::{
    domain::{Address, AddressFields},
    limits::ADDRESSES_MAX,
};

const SELECT: &str = "SELECT address_id, label, recipient, phone, zip_code, address, \
     address_detail, is_default IS NOT NULL AS chosen FROM address WHERE user_id = ?";

impl<'r> FromRow<'r, MySqlRow> for Address {
    fn from_row(row: &'r MySqlRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            address_id: row.try_get("address_id")?,
            fields: AddressFields {
                label: row.try_get("label")?,
                recipient: row.try_get("recipient")?,
                phone: row.try_get("phone")?,
                zip_code: row.try_get("zip_code")?,
                address: row.try_get("address")?,
                address_detail: row.try_get("address_detail")?,
                is_default: row.try_get::<i64, _>("chosen")? == 1,
            },
        })
    }
}

impl Store {
    /// All addresses of a user, in the order of their numbers; none of a user who is not there.
    ///
    /// # Errors
    /// The database's.
    pub async fn addresses(&self, user_id: &str) -> Result<Vec<Address>, StoreError> {
        let sql = format!("{SELECT} ORDER BY address_id");
        Ok(sqlx::query_as(sqlx::AssertSqlSafe(sql))
            .bind(user_id)
            .fetch_all(&self.pool)
            .await?)
    }

    /// One address of a user.
    ///
    /// # Errors
    /// [`Refusal::UnknownAddress`], or the database's.
    pub async fn address(&self, user_id: &str, address_id: u32) -> Result<Address, StoreError> {
        if check_id(user_id).is_err() {
            return Err(Refusal::UnknownAddress.into());
        }
        let sql = format!("{SELECT} AND address_id = ?");
        sqlx::query_as(sqlx::AssertSqlSafe(sql))
            .bind(user_id)
            .bind(address_id)
            .fetch_optional(&self.pool)
            .await?
            .ok_or(StoreError::Refused(Refusal::UnknownAddress))
    }

    /// Adds an address. The first is the default, whatever it says.
    ///
    /// # Errors
    /// [`Refusal`], or the database's.
    pub async fn add_address(
        &self,
        user_id: &str,
        mut fields: AddressFields,
    ) -> Result<Address, StoreError> {
        let mut transaction = self.begin().await?;
        lock_active(&mut transaction, user_id).await?;
        let numbers = numbers(&mut transaction, user_id).await?;
        if numbers.len() >= ADDRESSES_MAX {
            return Err(Refusal::TooManyAddresses.into());
        }
        fields.is_default |= numbers.is_empty();
        sqlx::query(
            "UPDATE account SET addresses_counted = addresses_counted + 1 WHERE user_id = ?",
        )
        .bind(user_id)
        .execute(&mut *transaction)
        .await?;
        let address_id: u32 =
            sqlx::query_scalar("SELECT addresses_counted FROM account WHERE user_id = ?")
                .bind(user_id)
                .fetch_one(&mut *transaction)
                .await?;
        if fields.is_default {
            unchoose(&mut transaction, user_id, &numbers).await?;
        }
        let at = now()?.unix_ms();
        sqlx::query(
            "INSERT INTO address (user_id, address_id, label, recipient, phone, zip_code, address,
               address_detail, is_default, created_at_ms, updated_at_ms)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(user_id)
        .bind(address_id)
        .bind(&fields.label)
        .bind(&fields.recipient)
        .bind(&fields.phone)
        .bind(&fields.zip_code)
        .bind(&fields.address)
        .bind(&fields.address_detail)
        .bind(fields.is_default.then_some(1))
        .bind(at)
        .bind(at)
        .execute(&mut *transaction)
        .await?;
        self.commit(transaction).await?;
        Ok(Address { address_id, fields })
    }

    /// Replaces what an address says. The default stays it until another becomes it.
    ///
    /// # Errors
    /// [`Refusal`], or the database's.
    pub async fn replace_address(
        &self,
        user_id: &str,
        address_id: u32,
        mut fields: AddressFields,
    ) -> Result<Address, StoreError> {
        let mut transaction = self.begin().await?;
        lock_active(&mut transaction, user_id).await?;
        let numbers = numbers(&mut transaction, user_id).await?;
        let (_, was_default) = numbers
            .iter()
            .find(|(number, _)| *number == address_id)
            .ok_or(Refusal::UnknownAddress)?;
        if fields.is_default && !was_default {
            unchoose(&mut transaction, user_id, &numbers).await?;
        }
        fields.is_default |= was_default;
        sqlx::query(
            "UPDATE address SET label = ?, recipient = ?, phone = ?, zip_code = ?, address = ?,
               address_detail = ?, is_default = ?, updated_at_ms = ?
             WHERE user_id = ? AND address_id = ?",
        )
        .bind(&fields.label)
        .bind(&fields.recipient)
        .bind(&fields.phone)
        .bind(&fields.zip_code)
        .bind(&fields.address)
        .bind(&fields.address_detail)
        .bind(fields.is_default.then_some(1))
        .bind(now()?.unix_ms())
        .bind(user_id)
        .bind(address_id)
        .execute(&mut *transaction)
        .await?;
        self.commit(transaction).await?;
        Ok(Address { address_id, fields })
    }

    /// Deletes an address. If it was the default, the oldest of the others becomes it.
    ///
    /// # Errors
    /// [`Refusal`], or the database's.
    pub async fn delete_address(&self, user_id: &str, address_id: u32) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        lock_active(&mut transaction, user_id).await?;
        let numbers = numbers(&mut transaction, user_id).await?;
        let (_, was_default) = numbers
            .iter()
            .find(|(number, _)| *number == address_id)
            .ok_or(Refusal::UnknownAddress)?;
        sqlx::query("DELETE FROM address WHERE user_id = ? AND address_id = ?")
            .bind(user_id)
            .bind(address_id)
            .execute(&mut *transaction)
            .await?;
        let heir = numbers.iter().find(|(number, _)| *number != address_id);
        if let (true, Some((heir, _))) = (was_default, heir) {
            sqlx::query("UPDATE address SET is_default = 1 WHERE user_id = ? AND address_id = ?")
                .bind(user_id)
                .bind(heir)
                .execute(&mut *transaction)
                .await?;
        }
        Ok(self.commit(transaction).await?)
    }
}

/// The numbers of a user's addresses, and which is the default. The account's row is locked.
pub(super) async fn numbers(
    transaction: &mut Transaction<'_, MySql>,
    user_id: &str,
) -> Result<Vec<(u32, bool)>, sqlx::Error> {
    // A plain read: the first of its transaction, so it sees all that was committed before the
    // account's row was locked. A locking read would lock the gap in which others insert theirs.
    let rows: Vec<(u32, i64)> = sqlx::query_as(
        "SELECT address_id, is_default IS NOT NULL FROM address
         WHERE user_id = ? ORDER BY address_id",
    )
    .bind(user_id)
    .fetch_all(&mut **transaction)
    .await?;
    Ok(rows
        .into_iter()
        .map(|(number, chosen)| (number, chosen == 1))
        .collect())
}

async fn unchoose(
    transaction: &mut Transaction<'_, MySql>,
    user_id: &str,
    numbers: &[(u32, bool)],
) -> Result<(), sqlx::Error> {
    let Some((chosen, _)) = numbers.iter().find(|(_, chosen)| *chosen) else {
        return Ok(());
    };
    sqlx::query("UPDATE address SET is_default = NULL WHERE user_id = ? AND address_id = ?")
        .bind(user_id)
        .bind(chosen)
        .execute(&mut **transaction)
        .await
        .map(drop)
}
